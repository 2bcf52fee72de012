import { freePort } from "@homing/local/free-port";
import { testRedis } from "@homing/local/test-redis";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createCallers } from "../../src/callers.js";
import { createRateLimiter } from "../../src/rate-limit.js";
import {
  askWithKey,
  type NativeApi,
  type NativeServer,
  type Organization,
  serve,
  startNativeApi,
} from "./native-api.js";

const LIMIT = 4;

const redis = await testRedis();

let api: NativeApi;
const closes: (() => Promise<void>)[] = [];

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(async () => {
  for (const close of closes) await close();
  await api.stop();
  await redis?.stop();
});

/** Another API process's application, on the same database. */
async function serveLimited(redisUrl: string): Promise<NativeServer> {
  const limiter = createRateLimiter({ perSecond: LIMIT, redisUrl, onError: () => undefined });
  const server = await serve(api.context, createCallers(api.context), { limiter });
  closes.push(
    () => server.close(),
    () => limiter.close(),
  );
  return server;
}

/** What a key was told is left, asking each of the servers once. */
async function remaining(servers: readonly NativeServer[], { key }: Organization): Promise<number[]> {
  const told: number[] = [];
  for (const server of servers) {
    const { headers } = await askWithKey(server, key)("GET", "/v1/events");
    told.push(Number(/;r=(\d+)/.exec(headers["ratelimit"] ?? "")?.[1]));
  }
  return told;
}

(redis === null ? describe.skip : describe)("with one Redis", () => {
  test("two API processes count a key's requests together and refuse it together", async () => {
    const servers = [await serveLimited(redis?.url ?? ""), await serveLimited(redis?.url ?? "")];
    const us = await api.createOrganization();
    const turns = [...servers, ...servers];
    // The window may end between two requests, and the connections may still be coming up.
    await waitFor(async () => String(await remaining(turns, us)) === "3,2,1,0", { what: "one count for both" });
    const statuses = async () => {
      const answers = await Promise.all(servers.map((server) => askWithKey(server, us.key)("GET", "/v1/events")));
      return answers.map(({ status }) => status);
    };
    await waitFor(
      async () => {
        await remaining(turns, us);
        return String(await statuses()) === "429,429";
      },
      { what: "both to refuse" },
    );
    const other = await api.createOrganization();
    expect(await remaining(servers.slice(0, 1), other)).toEqual([3]);
  });
});

test("with Redis away, requests are let in at once", async () => {
  const server = await serveLimited(`redis://127.0.0.1:${await freePort()}`);
  const us = await api.createOrganization();
  const publish = () => askWithKey(server, us.key)("POST", "/v1/events", { json: { type: "a", payload: {} } });
  expect((await publish()).status).toBe(202);
  const begunMs = performance.now();
  expect((await publish()).status).toBe(202);
  expect(performance.now() - begunMs).toBeLessThan(1_000);
});

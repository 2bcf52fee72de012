import { StartError } from "@homing/runtime/start-error";
import { afterEach, expect, test } from "@jest/globals";
import { type HealthServer, startHealth } from "../src/health.js";

const PLACE = { host: "127.0.0.1", port: 0 };
const opened: HealthServer[] = [];

afterEach(async () => {
  for (const server of opened.splice(0)) await server.close();
});

async function open(
  checks: Record<string, () => Promise<unknown>>,
  facts?: Record<string, string>,
): Promise<HealthServer> {
  const server = await startHealth(PLACE, checks, facts);
  opened.push(server);
  return server;
}

async function get({ port }: HealthServer, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.json() };
}

test("a process whose checks pass is live and ready", async () => {
  const server = await open({ database: () => Promise.resolve(), queue: () => Promise.resolve() });
  expect(await get(server, "/livez")).toEqual({ status: 200, body: { status: "live" } });
  expect(await get(server, "/readyz")).toEqual({
    status: 200,
    body: { status: "ready", checks: { database: "ok", queue: "ok" } },
  });
  expect((await get(server, "/other")).status).toBe(404);
});

test("one check that fails or never answers makes it live but not ready, and says which", async () => {
  const server = await open({
    database: () => new Promise(() => undefined),
    queue: () => Promise.reject(new Error("away")),
    disk: () => Promise.resolve(),
  });
  expect(await get(server, "/readyz")).toEqual({
    status: 503,
    body: { status: "not_ready", checks: { database: "unreachable", queue: "unreachable", disk: "ok" } },
  });
  expect((await get(server, "/livez")).status).toBe(200);
});

test("what was switched off is shown, and is no fault", async () => {
  const server = await open({ database: () => Promise.resolve() }, { delivery: "switched_off" });
  const body = { status: "ready", delivery: "switched_off", checks: { database: "ok" } };
  expect(await get(server, "/readyz")).toEqual({ status: 200, body });
});

test("a process that drains is live but not ready, whatever its checks say", async () => {
  const server = await open({ database: () => Promise.resolve() });
  server.drain();
  expect(await get(server, "/readyz")).toEqual({ status: 503, body: { status: "stopping" } });
  expect((await get(server, "/livez")).status).toBe(200);
});

test("a port that is taken is one line for the operator", async () => {
  const { port } = await open({});
  const refused = startHealth({ host: "127.0.0.1", port }, {});
  await expect(refused).rejects.toBeInstanceOf(StartError);
  await expect(refused).rejects.toThrow(`health port ${port} on 127.0.0.1 is already in use`);
});

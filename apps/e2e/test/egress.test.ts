import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { freePort } from "@homing/local/free-port";
import { type TestDns, startDns } from "@homing/local/test-dns";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Delivery } from "./client.js";
import { FORBIDDEN_ANSWERS, FORBIDDEN_HOSTS, forbiddenUrls } from "./forbidden-hosts.js";
import { type Installation, startInstallation } from "./installation.js";
import { problemOf, refused } from "./problem.js";
import { publishOne } from "./publish-one.js";
import { waitForState } from "./wait-for-deliveries.js";

const STARTING_MS_MAX = 60_000;
const SENDING_MS_MAX = 90_000;
const FAILING_MS_MAX = 30_000;
const PUBLIC = "203.0.114.1";
const REBINDING = /^rebinding-\d+\.example$/;
const OPEN = { EGRESS_ALLOW: "127.0.0.0/8,::1/128" };

let dns: TestDns;
/** Where nothing may arrive, not even a connection: on every address of this machine. */
let listener: Server;
let port: number;
let connections = 0;
let installation: Installation;

/** Public when a webhook is made, and a forbidden address ever after; or what the table says. */
function resolve(name: string, count: number) {
  if (REBINDING.test(name)) return { A: [count === 1 ? PUBLIC : "127.0.0.1"] };
  const number = /^forbidden-(\d+)\.example$/.exec(name)?.[1];
  if (number !== undefined) return FORBIDDEN_ANSWERS[Number(number)] ?? null;
  return name === "public.example" ? { A: [PUBLIC] } : null;
}

beforeAll(async () => {
  dns = await startDns(resolve);
  listener = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  listener.listen(0);
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("not a TCP server");
  port = address.port;
  const env = { EGRESS_ALLOW: "", DNS_SERVERS: dns.server };
  installation = await startInstallation({ backend: "postgres", apiEnv: env, workerEnv: env });
}, STARTING_MS_MAX);

afterAll(async () => {
  await installation.stop();
  listener.close();
  await dns.close();
}, STARTING_MS_MAX);

/** What the sender could take for a Unix domain socket is not. */
function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:\/\/(?!unix\/)/.test(new URL(url).href);
}

function allUrls(): string[] {
  const hosts = [...FORBIDDEN_HOSTS, ...FORBIDDEN_ANSWERS.map((_, number) => `forbidden-${number}.example`)];
  return [...hosts.map((host) => `http://${host}:${port}/`), `https://127.0.0.1:${port}/`, ...forbiddenUrls(port)];
}

test(
  "each of more than 200 spellings and names is refused when a webhook is made",
  async () => {
    // Node takes port 0 for 80, so that one would be sent to, at a public address.
    const urls = [...allUrls(), "http://public.example:0/"];
    expect(new Set(urls).size).toBeGreaterThan(200);
    const accepted: string[] = [];
    for (const url of urls) {
      const answer = await installation.client.ask("POST", "/v1/webhooks", { body: { url } });
      if (answer.status === 201) accepted.push(url);
      else expect({ url, ...problemOf(answer) }).toEqual({ url, ...refused(422, "validation_error", ["body /url"]) });
    }
    expect(accepted).toEqual([]);
    expect(connections).toBe(0);
  },
  SENDING_MS_MAX,
);

test(
  "each of them gets no request where its webhook got in otherwise: the attempt is recorded as blocked",
  async () => {
    const { client, db } = installation;
    const urls = allUrls();
    const urlOf = new Map<string, string>();
    for (const url of urls) {
      const settings = {
        url: "https://public.example/",
        event_types: ["egress.all"],
        retry_policy: { delays_seconds: [] },
      };
      const { id } = await client.createWebhook(settings);
      await db.webhook.update({ where: { id }, data: { url } });
      urlOf.set(id, url);
    }
    const { id: eventId } = await client.publish("egress.all", { id: 1 });
    const deliveries = await waitFor(
      async () => {
        const failed = await client.deliveries({ event_id: eventId, state: "failed" });
        return failed.length === urls.length && failed;
      },
      { what: "every delivery to have failed", timeoutMs: SENDING_MS_MAX },
    );
    expect(connections).toBe(0);
    const outcomes = deliveries.map(({ webhook_id, last_error }: Delivery) => ({
      url: urlOf.get(webhook_id),
      outcome: last_error?.split(":", 1)[0],
    }));
    expect(outcomes.filter(({ outcome }) => outcome === "responded")).toEqual([]);
    // Names of nobody do not resolve; what is no URL of http cannot be sent to at all.
    const others = outcomes.filter(({ outcome }) => outcome !== "blocked_address");
    const isExplained = ({ url = "", outcome = "" }) => outcome === "dns" || (outcome === "reset" && !isHttp(url));
    expect(others.filter((other) => !isExplained(other))).toEqual([]);
    expect(others.length).toBeLessThan(50);
  },
  2 * SENDING_MS_MAX,
);

describe("a name whose answer changes after the check", () => {
  test(
    "gets no request: each connect judges the address that it dials",
    async () => {
      const { client } = installation;
      for (let number = 0; number < 10; number += 1) {
        const url = `http://rebinding-${number}.example:${port}/`;
        const { delivery } = await publishOne(client, { url, retry_policy: { delays_seconds: [0.1, 0.1], jitter: 0 } });
        await waitForState(client, delivery.id, "failed");
        const attempts = await client.attempts(delivery.id);
        expect(attempts.map(({ outcome }) => outcome)).toEqual(Array(3).fill("blocked_address"));
        expect(attempts[0]?.error).not.toContain("127.0.0.1");
        const asked = dns.questions.filter(({ name, type }) => name === `rebinding-${number}.example` && type === "A");
        expect(asked.length).toBeGreaterThan(1);
      }
      expect(connections).toBe(0);
    },
    SENDING_MS_MAX,
  );

  test(
    "does get one from a worker whose check lets loopback through: the listener would have heard of it",
    async () => {
      const { client, workers } = installation;
      for (const worker of workers) worker.kill("SIGTERM");
      await Promise.all(workers.map(({ exited }) => exited));
      const lax = await installation.startWorker({ ...OPEN });
      const { delivery } = await publishOne(client, { url: `http://rebinding-99.example:${port}/` });
      expect(await waitForState(client, delivery.id, "failed")).toMatchObject({
        last_error: expect.stringMatching(/^reset/),
      });
      expect(connections).toBe(1);
      lax.kill("SIGTERM");
      await lax.exited;
    },
    SENDING_MS_MAX,
  );
});

describe("rules that came after a webhook", () => {
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test.each<[string, Record<string, string>, RegExp]>([
    ["EGRESS_HTTPS_ONLY", { EGRESS_HTTPS_ONLY: "true" }, /the scheme must be https/],
    ["EGRESS_PORTS", { EGRESS_PORTS: "443" }, /port \d+ is not allowed/],
    ["EGRESS_DENY", { EGRESS_ALLOW: "", EGRESS_DENY: "127.0.0.0/8" }, /is not a public address/],
  ])(
    "%s refuses new ones and keeps the old ones from being sent to",
    async (_name, env, reason) => {
      const { client } = installation;
      const url = `http://127.0.0.1:${receiver.port}/`;
      const strictPort = await freePort();
      const strictApi = await installation.startApi({ port: strictPort, env: { ...OPEN, ...env } });
      const worker = await installation.startWorker({ ...OPEN, ...env });
      const asked = await fetch(`http://127.0.0.1:${strictPort}/v1/webhooks`, {
        method: "POST",
        headers: { authorization: `Bearer ${installation.key}`, "content-type": "application/json" },
        body: JSON.stringify({ url }),
      });
      expect([asked.status, await asked.text()]).toEqual([422, expect.stringMatching(reason)]);
      const { id } = await client.createWebhook({
        url: "https://public.example/",
        event_types: ["old"],
        retry_policy: { delays_seconds: [] },
      });
      await installation.db.webhook.update({ where: { id }, data: { url } });
      const { id: eventId } = await client.publish("old", {});
      const [delivery] = await waitFor(
        async () => {
          const failed = await client.deliveries({ event_id: eventId, webhook_id: id, state: "failed" });
          return failed.length === 1 && failed;
        },
        { what: "the delivery to have failed", timeoutMs: FAILING_MS_MAX },
      );
      expect(delivery?.last_error).toMatch(/^blocked_address: /);
      expect(delivery?.last_error).toMatch(reason);
      expect(receiver.requests).toHaveLength(0);
      for (const process of [strictApi, worker]) process.kill("SIGTERM");
      await Promise.all([strictApi, worker].map(({ exited }) => exited));
    },
    SENDING_MS_MAX,
  );
});

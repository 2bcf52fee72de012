import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:https";
import { CERTIFICATE, CERTIFICATE_KEY } from "@homing/local/certificate";
import { freePort } from "@homing/local/free-port";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { type Backend, BACKENDS, describeOn } from "./backends.js";
import { askBoard } from "./board.js";
import type { Delivery } from "./client.js";
import { dumpDatabase, dumpRedis } from "./dump-stores.js";
import { findSecrets, type Source } from "./find-secrets.js";
import type { Installation } from "./installation.js";
import { createPlanted, createRecorder, type Planted, type Recorder } from "./planted-secrets.js";
import { runProgram } from "./run-program.js";
import { useInstallation } from "./use-installation.js";
import { deliveryOf, waitForState } from "./wait-for-deliveries.js";

const TEST_MS_MAX = 180_000;
const PUBLIC_URL = "https://93.184.215.14/";
const PROGRAMS = ["api/dist/main.js", "worker/dist/main.js", "worker/dist/keys-cli.js"];

/** Where deliveries come to their ends, each to another one. */
interface Ends {
  urls: Record<string, { url: string; state: Delivery["state"] }>;
  close(): Promise<void>;
}

async function openEnds(): Promise<Ends> {
  const receivers: TestReceiver[] = [];
  const receiver = async (...handler: Parameters<typeof startReceiver>) => {
    const started = await startReceiver(...handler);
    receivers.push(started);
    return started.url;
  };
  const tls: Server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY });
  const tlsPort = await freePort();
  await new Promise<void>((resolve) => tls.listen(tlsPort, "127.0.0.1", resolve));
  return {
    urls: {
      succeeds: { url: await receiver(), state: "succeeded" },
      fails: { url: await receiver(() => ({ status: 500, body: "no" })), state: "failed" },
      repeats: { url: await receiver(({ headers }) => ({ body: JSON.stringify(headers) })), state: "succeeded" },
      "times out": { url: await receiver(() => ({ delayMs: 2_000 })), state: "failed" },
      "is reset": { url: await receiver(() => ({ destroy: true })), state: "failed" },
      "is refused": { url: `http://127.0.0.1:${await freePort()}/`, state: "failed" },
      "has no certificate": { url: `https://127.0.0.1:${tlsPort}/`, state: "failed" },
      "is gone": { url: await receiver(() => ({ status: 410 })), state: "failed" },
    },
    async close() {
      for (const started of receivers) await started.close();
      await new Promise((resolve) => tls.close(resolve));
    },
  };
}

describeOn(BACKENDS, "secrets", (backend: Backend) => {
  const redisPassword = `redis-${randomBytes(18).toString("hex")}`;
  const trace = { LOG_LEVEL: "trace" };
  const installation = useInstallation({ backend, redisPassword, apiEnv: trace, workerEnv: trace });
  const planted = createPlanted();
  let recorder: Recorder;
  let ends: Ends;

  beforeAll(async () => {
    ends = await openEnds();
    recorder = createRecorder(installation());
    plantInstallation(installation(), planted);
  });
  afterAll(() => ends.close());

  test(
    "are in no log, answer, row or key, in clear or encoded, whatever becomes of deliveries, requests and processes",
    async () => {
      const canary = `canary${randomBytes(16).toString("hex")}`;
      for (const [end, { url, state }] of Object.entries(ends.urls)) await deliver(end, url, state);
      await askForTokens();
      await useContracts();
      await makeRefusedRequests();
      await publishCanary(canary);
      if (backend === "redis") await disturbRedis();
      else await failStarts();
      await readAll();

      const sources = await collect(canary);
      // The search works, and in each place: what was not secret is found there.
      const places = sources.filter((source) => findSecrets([source], new Map([["canary", canary]])).length > 0);
      const kinds = places.map(({ name }) => name.replace(/ .*$/, ""));
      const expected = ["table", "the", "worker", ...(backend === "redis" ? ["Redis"] : [])];
      expect([...new Set(kinds)]).toEqual(expect.arrayContaining(expected));
      expect(installation().api.log()).toContain('"message":"request"');
      expect(planted.all.size).toBeGreaterThan(30);
      expect(findSecrets(sources, planted.all)).toEqual([]);
    },
    TEST_MS_MAX,
  );

  async function deliver(end: string, url: string, state: Delivery["state"]): Promise<void> {
    const { client } = installation();
    const type = `planted.${end.replaceAll(" ", "_")}`;
    const body = {
      url,
      event_types: [type],
      headers: {
        authorization: `Bearer ${planted.plant(`bearer, ${end}`)}`,
        "x-token": planted.plant(`header, ${end}`),
      },
      retry_policy: { delays_seconds: [] },
      timeout_ms: 1_000,
      signature_formats: ["standard_v1a", "kallima"],
      secret: planted.plantSigning(`custom secret, ${end}`),
    };
    const made = await recorder.askForSecret(`secret, ${end}`, planted, "POST", "/v1/webhooks", { body });
    await recorder.askForSecret(`rotated secret, ${end}`, planted, "POST", `/v1/webhooks/${made.id}/rotate_secret`);
    const headers = { "x-token": planted.plant(`changed header, ${end}`) };
    const auth = { type: "basic", username: "planted", password: planted.plant(`basic password, ${end}`) };
    await recorder.ask("PATCH", `/v1/webhooks/${made.id}`, { body: { headers, auth } });
    const { id } = await client.publish(type, { end });
    const delivery = await deliveryOf(client, id);
    await waitForState(client, delivery.id, state);
    await recorder.ask("GET", `/v1/deliveries/${delivery.id}/attempts`);
    await recorder.ask("POST", `/v1/deliveries/${delivery.id}/retry`);
  }

  /** What answers there is no token end-point, so none of these is delivered. */
  async function askForTokens(): Promise<void> {
    const { client } = installation();
    const url = ends.urls["succeeds"]?.url ?? "";
    const credentials = { token_url: url, client_id: "planted", client_secret: planted.plant("client secret") };
    const auth = { type: "oauth2_client_credentials", ...credentials };
    const body = { url, event_types: ["planted.token"], retry_policy: { delays_seconds: [] }, auth };
    await recorder.askForSecret("secret beside a client's", planted, "POST", "/v1/webhooks", { body });
    const { id } = await client.publish("planted.token", {});
    const delivery = await deliveryOf(client, id);
    await waitForState(client, delivery.id, "failed");
    await recorder.ask("GET", `/v1/deliveries/${delivery.id}/attempts`);
  }

  async function useContracts(): Promise<void> {
    const url = ends.urls["succeeds"]?.url ?? "";
    const own = planted.plant("TheirStack secret");
    await recorder.ask("POST", "/v0/webhooks", {
      body: { url, search_id: 1, secret: own, active_event_types: ["job.*"] },
    });
    const tested = { url, secret: planted.plant("tested TheirStack secret") };
    expect((await recorder.ask("POST", "/v0/webhooks/test", { body: tested })).status).toBe(200);
    await recorder.ask("POST", "/v0/webhooks", {
      body: { url, search_id: "x", secret: planted.plant("refused secret") },
    });
    const endpoint = { body: { name: "planted", url, maxRetries: 0, subscribedEventTypes: ["run.*"] } };
    await recorder.askForSecret("B3OS secret", planted, "POST", "/v1/execution-webhooks", endpoint);
  }

  async function makeRefusedRequests(): Promise<void> {
    const { operator } = installation();
    const secret = planted.plant("refused text");
    const wrong = `whsec_${planted.plant("refused signing secret")}`;
    const bodies = [
      { url: `https://user:${planted.plant("userinfo")}@93.184.215.14/` },
      { url: `https://${planted.plant("user")}@93.184.215.14/` },
      { url: `http://user:${planted.plant("userinfo of a blocked address")}@10.0.0.1/` },
      { url: `http://user:${planted.plant("userinfo of no URL")}@[` },
      { url: PUBLIC_URL, secret: wrong },
      { url: PUBLIC_URL, secret: { nested: secret } },
      { url: PUBLIC_URL, secret: [secret] },
      { url: { nested: secret } },
      { url: PUBLIC_URL, headers: { "x-token": `${secret}\n` } },
      { url: PUBLIC_URL, headers: { host: secret } },
      { url: PUBLIC_URL, headers: { "x-token": [secret] } },
      { url: PUBLIC_URL, headers: secret },
      { url: PUBLIC_URL, retry_policy: secret },
      { url: PUBLIC_URL, signature_formats: [secret] },
      { url: PUBLIC_URL, ordering: secret },
      { url: PUBLIC_URL, timeout_ms: secret },
      { url: PUBLIC_URL, event_types: [`${secret} `] },
      { url: PUBLIC_URL, metadata: { note: { nested: secret } } },
      { url: PUBLIC_URL, colour: secret },
    ];
    for (const body of bodies) await expectRefused("/v1/webhooks", body);
    const [{ id } = { id: "" }] = await installation().db.webhook.findMany({ take: 1 });
    for (const body of bodies) {
      const { status } = await recorder.ask("PATCH", `/v1/webhooks/${id}`, { body });
      expect(status).toBe(422);
    }
    await expectRefused(`/v1/webhooks/${id}/rotate_secret`, { secret: wrong });
    for (const text of [
      `{"secret":"${secret}"`,
      `{"secret":"${secret}"}}`,
      `"${secret}`,
      secret,
      `{"${secret}\\ud800":1}`,
    ]) {
      const { status } = await recorder.ask("POST", "/v1/webhooks", { body: text });
      expect(status).toBeGreaterThanOrEqual(400);
      await recorder.ask("POST", "/v0/webhooks", { body: text });
      await recorder.ask("POST", "/v1/execution-webhooks", { body: text });
    }
    for (const path of [
      `/v1/webhooks?api_key=${secret}`,
      `/v1/webhooks/${secret}`,
      `/v1/${secret}`,
      `/v1/events?cursor=${secret}`,
    ]) {
      expect((await recorder.ask("GET", path)).status).toBeGreaterThanOrEqual(400);
    }
    const bearer = planted.plant("bad bearer token");
    const basic = Buffer.from(`${operator.username}:${planted.plant("bad password")}`).toString("base64");
    for (const authorization of [`Bearer ${bearer}`, `Bearer ${bearer} x`, bearer, `Basic ${basic}`]) {
      for (const path of ["/v1/webhooks", "/v0/webhooks", "/v1/execution-webhooks", "/ops/queues"]) {
        expect((await recorder.askAs(authorization, "GET", path)).status).toBe(401);
      }
    }
  }

  async function expectRefused(path: string, body: object): Promise<void> {
    const { status } = await recorder.ask("POST", path, { body });
    expect({ body, status }).toEqual({ body, status: 422 });
  }

  async function publishCanary(canary: string): Promise<void> {
    const { client } = installation();
    const body = { url: ends.urls["succeeds"]?.url, event_types: [`canary.${canary}`] };
    await recorder.askForSecret("secret of the canary's webhook", planted, "POST", "/v1/webhooks", { body });
    const { id } = await client.publish(`canary.${canary}`, { canary: encodeURIComponent(canary) });
    await waitForState(client, (await deliveryOf(client, id)).id, "succeeded");
    await recorder.ask("GET", `/v1/events/${id}`);
  }

  /** Redis stops, comes back, and for a moment wants another password than the processes have. */
  async function disturbRedis(): Promise<void> {
    const { client } = installation();
    await installation().redis?.stop();
    await client.publish("planted.succeeds", { redis: "away" });
    await installation().restartRedis();
    const { redis } = installation();
    const admin = new Redis(redis?.url ?? "");
    await admin.config("SET", "requirepass", planted.plant("another Redis password"));
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await client.publish("planted.succeeds", { redis: "refusing" });
    const logged = () =>
      installation()
        .logs()
        .every(({ text }) => /WRONGPASS/.test(text));
    await waitFor(logged, { what: "every process to say that its password is refused", timeoutMs: 30_000 });
    await admin.config("SET", "requirepass", redisPassword);
    admin.disconnect();
    const { id } = await client.publish("planted.succeeds", { redis: "back" });
    await waitForState(client, (await deliveryOf(client, id)).id, "succeeded", 60_000);
  }

  /** Each program is started with variables that are wrong, and ends. */
  async function failStarts(): Promise<void> {
    const { databaseUrl, encryptionKeys } = installation();
    const refusedUrl = new URL(databaseUrl);
    refusedUrl.password = planted.plant("refused database password");
    const malformed = planted.plant("secret of a malformed variable");
    const good = { DATABASE_URL: databaseUrl, HOMING_ENCRYPTION_KEYS: encryptionKeys };
    const environments = [
      { ...good, DATABASE_URL: refusedUrl.href },
      { ...good, HOMING_ENCRYPTION_KEYS: `k1:${malformed}` },
      {
        DATABASE_URL: `postgres://user:${malformed}@[`,
        HOMING_ENCRYPTION_KEYS: malformed,
        REDIS_URL: `http://:${malformed}@127.0.0.1`,
        HOMING_API_KEY: malformed,
        OPS_PASSWORD: malformed,
        EGRESS_ALLOW: malformed,
        LOG_LEVEL: malformed,
      },
    ];
    for (const program of PROGRAMS) {
      for (const env of environments) await failStart(program, env);
    }
    await failStart("worker/dist/audit-cli.js", { DATABASE_URL: refusedUrl.href });
  }

  async function failStart(program: string, env: Record<string, string>): Promise<void> {
    const { status, stdout, stderr } = await runProgram(program, env);
    expect({ program, status: status > 0, stderr }).toMatchObject({ status: true, stderr: expect.stringMatching(/./) });
    recorder.sources.push({ name: `the output of ${program}`, text: stdout + stderr });
  }

  /** Everything that is there to be read. */
  async function readAll(): Promise<void> {
    const webhooks = await installation().db.webhook.findMany();
    const paths = webhooks.flatMap(({ id }) => [`/v1/webhooks/${id}`, `/.well-known/jwks.json?webhook_id=${id}`]);
    const lists = ["/v1/webhooks", "/v1/events", "/v1/deliveries", "/v0/webhooks", "/v1/execution-webhooks"];
    for (const path of [...paths, ...lists, "/openapi.json", "/docs", "/docs/problems", "/readyz"]) {
      expect((await recorder.ask("GET", path)).status).toBe(200);
    }
    for (const status of ["completed", "failed", "delayed", "waiting"]) {
      const path = `/api/queues?activeQueue=deliveries&status=${status}&page=1&jobsPerPage=100`;
      recorder.sources.push({ name: `the board's ${status} jobs`, text: (await askBoard(installation(), path)).text });
    }
  }

  async function collect(canary: string): Promise<Source[]> {
    const { db, redis, redisDirectory } = installation();
    const stores = await dumpDatabase(db);
    if (redis !== null) {
      const admin = new Redis(redis.url);
      await admin.set("canary", Buffer.from(`a ${canary}`).toString("base64"));
      admin.disconnect();
      stores.push(...(await dumpRedis(redis.url, redisDirectory)));
    }
    return [...installation().logs(), ...recorder.sources, ...stores];
  }
});

/** What an operator gave it. */
function plantInstallation(
  { key, operator, encryptionKeys, databaseUrl, redis }: Installation,
  planted: Planted,
): void {
  planted.add("API key", key);
  planted.add("operator's password", operator.password);
  const [, encoded = ""] = encryptionKeys.split(":");
  // Spelt as a signing secret, so that its bytes are looked for, too.
  planted.add("encryption key", `whsec_${encoded}`);
  planted.add("database password", new URL(databaseUrl).password);
  if (redis !== null) planted.add("Redis password", new URL(redis.url).password);
}

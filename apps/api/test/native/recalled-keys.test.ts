import { type Scope, SCOPES } from "@homing/core/organizations/api-keys";
import { createDatabase } from "@homing/db/client";
import { freePort } from "@homing/local/free-port";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import type { Gate } from "../../src/admit.js";
import type { ApiContext } from "../../src/api-context.js";
import { type Callers, createCallers } from "../../src/callers.js";
import type { FailedLogins } from "../../src/failed-logins.js";
import type { RateLimiter } from "../../src/rate-limit.js";
import { makeWebhook } from "./fixtures.js";
import {
  type Asked,
  askWithKey,
  createTestContext,
  type NativeApi,
  type Organization,
  serve,
  startNativeApi,
} from "./native-api.js";

const EVENT = { type: "invoice.paid", payload: {} };
const HOUR_MS = 60 * 60 * 1000;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
});
afterAll(() => api.stop());

interface Holder extends Pick<Organization, "ask" | "key"> {
  keyId: string;
}

/** Whoever holds a new key of ours, which was asked for a moment ago. */
async function newHolder(scopes: readonly Scope[] = SCOPES): Promise<Holder> {
  const { body } = await us.ask("POST", "/v1/keys", { json: { name: "k", scopes } });
  const holder = { keyId: body.id, key: body.key, ask: askWithKey(api, body.key) };
  await holder.ask("GET", "/v1/events");
  return holder;
}

const publish = ({ ask }: Pick<Organization, "ask">, asked: Asked = { json: EVENT }) =>
  ask("POST", "/v1/events", asked);
const codeOf = ({ status, body }: Response) => ({ status, code: body.code });
const eventsOf = () => api.db.event.count({ where: { organizationId: us.organizationId } });
const UNAUTHENTICATED = { status: 401, code: "unauthenticated" };

describe("a key that was good a moment ago", () => {
  const requests: [string, Asked][] = [
    ["an event", { json: EVENT }],
    ["an event with a key of its own", { json: EVENT, headers: { "Idempotency-Key": "k" } }],
    ["an event for nobody", { json: { ...EVENT, webhook_ids: [] } }],
    ["no event", { json: { type: "invoice.paid" } }],
    ["no JSON", { text: "{" }],
    ["too much", { json: { ...EVENT, payload: "p".repeat(400 * 1024) } }],
  ];

  test.each(requests)("publishes no more once it is revoked, and is told so: %s", async (_, asked) => {
    const holder = await newHolder();
    await us.ask("POST", `/v1/keys/${holder.keyId}/revoke`);
    expect(codeOf(await publish(holder, asked))).toEqual(UNAUTHENTICATED);
    expect(codeOf(await publish(holder, asked))).toEqual(UNAUTHENTICATED);
    expect(await eventsOf()).toBe(0);
  });

  test("publishes no more once it has ended", async () => {
    const holder = await newHolder();
    expect((await publish(holder)).status).toBe(202);
    await api.db.apiKey.update({ where: { id: holder.keyId }, data: { expiresAt: new Date(Date.now() - HOUR_MS) } });
    expect(codeOf(await publish(holder))).toEqual(UNAUTHENTICATED);
    expect(await eventsOf()).toBe(1);
  });

  test("publishes no more where its organization has a line, which is for another statement", async () => {
    await makeWebhook(us, { rate_limit: { count: 5, period_seconds: 60 } });
    const holder = await newHolder();
    expect((await publish(holder)).status).toBe(202);
    await us.ask("POST", `/v1/keys/${holder.keyId}/revoke`);
    expect(codeOf(await publish(holder))).toEqual(UNAUTHENTICATED);
    expect(await eventsOf()).toBe(1);
  });

  test("takes nobody along: what others publish at the same moment is published", async () => {
    const revoked = await newHolder();
    const others = [await newHolder(), await newHolder()];
    await us.ask("POST", `/v1/keys/${revoked.keyId}/revoke`);
    const answers = await Promise.all([revoked, ...others].map((holder) => publish(holder)));
    expect(answers.map(({ status }) => status)).toEqual([401, 202, 202]);
    expect(await eventsOf()).toBe(2);
  });

  test("is refused for what it never could, as before, and once it is revoked for that", async () => {
    const holder = await newHolder(["events:read"]);
    expect(codeOf(await publish(holder))).toEqual({ status: 403, code: "forbidden" });
    await us.ask("POST", `/v1/keys/${holder.keyId}/revoke`);
    expect(codeOf(await publish(holder))).toEqual(UNAUTHENTICATED);
  });
});

test("a stream of events asks for its key once; whatever else is asked does so every time", async () => {
  const { asked, callers } = countAsked();
  const { holder, close } = await serveTo(us.key, callers);
  try {
    for (let sent = 0; sent < 3; sent += 1) expect((await publish(holder)).status).toBe(202);
    expect(asked()).toBe(1);
    for (let read = 0; read < 2; read += 1) await holder.ask("GET", "/v1/events");
    await holder.ask("POST", "/v1/events/batch", { json: { events: [EVENT] } });
    expect(asked()).toBe(4);
  } finally {
    await close();
  }
});

test("a key that is revoked is refused like one that nobody had, over its limit too, and counts as one failed login", async () => {
  const failures: unknown[] = [];
  const failedLogins: FailedLogins = {
    blockedSeconds: () => null,
    fail: (login) => failures.push(login),
    succeed: () => undefined,
  };
  let isAllowed = true;
  const limiter: RateLimiter = {
    take: async () => ({ isAllowed, limit: 5, remaining: 0, windowSeconds: 1, resetSeconds: 1 }),
    close: async () => undefined,
  };
  const { keyId, key } = await newHolder();
  const { holder, close } = await serveTo(key, createCallers(api.context), { failedLogins, limiter });
  try {
    expect((await publish(holder)).headers).toHaveProperty("ratelimit");
    isAllowed = false;
    expect(codeOf(await publish(holder))).toEqual({ status: 429, code: "rate_limited" });
    await us.ask("POST", `/v1/keys/${keyId}/revoke`);
    const [recalled, forgotten] = [await publish(holder), await publish(holder)];
    expect([recalled, forgotten].map(codeOf)).toEqual([UNAUTHENTICATED, UNAUTHENTICATED]);
    expect(Object.keys(recalled.headers)).toEqual(Object.keys(forgotten.headers));
    expect(failures).toHaveLength(2);
  } finally {
    await close();
  }
});

test("with Postgres away the publish of a key that was good is 503, and nobody is asked for the key", async () => {
  const { asked, callers } = countAsked();
  await callers.authenticate(us.key);
  const url = `postgres://127.0.0.1:${await freePort()}/none`;
  const db = createDatabase({ url, connectionsMax: 1, applicationName: "api-test" });
  const { holder, close } = await serveTo(
    us.key,
    callers,
    {},
    createTestContext(db, async () => []),
  );
  try {
    expect(codeOf(await publish(holder))).toEqual({ status: 503, code: "unavailable" });
    expect(asked()).toBe(1);
  } finally {
    await close();
    await db.$disconnect();
  }
});

test("portal tokens are not remembered", async () => {
  const { body } = await us.ask("POST", "/v1/portal_tokens", { json: { scopes: ["webhooks:read"] } });
  const callers = createCallers(api.context);
  expect(await callers.authenticate(body.token)).toMatchObject({ by: "portal_token" });
  expect(await callers.authenticate(us.key)).toMatchObject({ by: "api_key" });
  expect(callers.recall(body.token)).toBeNull();
  expect(callers.recall(us.key)).toMatchObject({ organizationId: us.organizationId });
});

function countAsked(): { asked: () => number; callers: Callers } {
  const callers = createCallers(api.context);
  let asked = 0;
  const authenticate = (key: string) => {
    asked += 1;
    return callers.authenticate(key);
  };
  return { asked: () => asked, callers: { ...callers, authenticate } };
}

/** Another API process, and the holder of a key who asks it. */
async function serveTo(
  key: string,
  callers: Callers,
  gate: Partial<Gate> = {},
  context: ApiContext = api.context,
): Promise<{ holder: Pick<Organization, "ask">; close: () => Promise<void> }> {
  const server = await serve(context, callers, gate);
  return { holder: { ask: askWithKey(server, key) }, close: () => server.close() };
}

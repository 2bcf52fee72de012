import { createSealer } from "@homing/signature/sealing";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createCallers } from "../../src/callers.js";
import { makeDelivery, makeWebhook } from "./fixtures.js";
import { askWithKey, type NativeApi, type Organization, serve, startNativeApi } from "./native-api.js";
import { snapshot } from "./snapshot.js";

const PATH = "/v1/portal_tokens";
const MINUTE_MS = 60_000;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
  us = await api.createOrganization();
});
afterAll(() => api.stop());

interface Tenant extends Pick<Organization, "ask"> {
  token: string;
}

async function makeTenant(json: object, by: Pick<Organization, "ask"> = us): Promise<Tenant> {
  const { status, body } = await by.ask("POST", PATH, { json });
  expect(status).toBe(201);
  return { token: body.token, ask: askWithKey(api, body.token) };
}

test("a token opens what its scopes say for a quarter of an hour, and is stored nowhere", async () => {
  const { webhookId } = await makeDelivery(us);
  const rows = async () => ({ ...(await snapshot(api.db)), audit_log: "tells of it" });
  const before = await rows();
  const { body } = await us.ask("POST", PATH, { json: { scopes: ["webhooks:read"] } });
  expect(body).toEqual({
    token: expect.stringMatching(/^homp_[\w.-]+$/),
    webhook_id: null,
    scopes: ["webhooks:read"],
    expires_at: expect.any(String),
  });
  expect(Math.abs(Date.parse(body.expires_at) - Date.now() - 15 * MINUTE_MS)).toBeLessThan(MINUTE_MS);
  expect(await rows()).toEqual(before);
  const tenant = { ask: askWithKey(api, body.token) };
  expect((await tenant.ask("GET", `/v1/webhooks/${webhookId}`)).status).toBe(200);
  expect((await tenant.ask("POST", "/v1/events", { json: { type: "a", payload: {} } })).status).toBe(403);
});

test("a token that is bound to a webhook sees it, changes it, and retries its deliveries", async () => {
  const { webhookId: webhook_id, deliveryId } = await makeDelivery(us);
  await makeWebhook(us);
  const scopes = ["webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"];
  const tenant = await makeTenant({ webhook_id, scopes });
  expect((await tenant.ask("GET", "/v1/webhooks")).body.data.map(({ id }: { id: string }) => id)).toEqual([webhook_id]);
  const changed = await tenant.ask("PATCH", `/v1/webhooks/${webhook_id}`, { json: { description: "mine" } });
  expect(changed.body.description).toBe("mine");
  const more = await tenant.ask("PATCH", `/v1/webhooks/${webhook_id}`, { json: { event_types: ["*", "homing.*"] } });
  expect({ status: more.status, code: more.body.code }).toEqual({ status: 403, code: "forbidden" });
  expect((await tenant.ask("POST", `/v1/deliveries/${deliveryId}/retry`)).status).toBe(202);
  const { status } = await tenant.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/" } });
  expect(status).toBe(403);
});

test("a token is over when the key that made it is revoked, in every process", async () => {
  const made = await us.ask("POST", "/v1/keys", { json: { name: "page", scopes: ["keys:manage", "webhooks:read"] } });
  const tenant = await makeTenant({ scopes: ["webhooks:read"] }, { ask: askWithKey(api, made.body.key) });
  const other = await serve(api.context, createCallers(api.context));
  const there = { ask: askWithKey(other, tenant.token) };
  try {
    for (const process of [tenant, there]) expect((await process.ask("GET", "/v1/webhooks")).status).toBe(200);
    await us.ask("POST", `/v1/keys/${made.body.id}/revoke`);
    for (const process of [there, tenant]) expect((await process.ask("GET", "/v1/webhooks")).status).toBe(401);
  } finally {
    await other.close();
  }
});

test("a token is good after another encryption key came in front, until its own is taken away", async () => {
  const [old, next] = [1, 2].map((byte) => ({ id: `k${byte}`, key: Buffer.alloc(32, byte) }));
  if (old === undefined || next === undefined) throw new Error("two keys were made");
  const statusWith = async (token: string, keys: (typeof old)[]) => {
    const server = await serve(api.context, createCallers({ ...api.context, sealer: createSealer(keys) }));
    const { status } = await server.ask("GET", "/v1/webhooks", { headers: { Authorization: `Bearer ${token}` } });
    await server.close();
    return status;
  };
  const maker = await serve({ ...api.context, sealer: createSealer([old]) }, createCallers(api.context));
  const { body } = await askWithKey(maker, us.key)("POST", PATH, { json: { scopes: ["webhooks:read"] } });
  await maker.close();
  expect(await statusWith(body.token, [next, old])).toBe(200);
  expect(await statusWith(body.token, [next])).toBe(401);
});

test.each([
  ["to make keys", { scopes: ["keys:manage"] }],
  ["to reveal secrets", { scopes: ["secrets:read"] }],
  ["to publish", { scopes: ["events:write"] }],
  ["to do nothing", { scopes: [] }],
  ["for less than a minute", { scopes: ["webhooks:read"], expires_in_seconds: 59 }],
  ["for more than a day", { scopes: ["webhooks:read"], expires_in_seconds: 86_401 }],
])("no token is made %s: 422", async (_, json) => {
  const { status, body } = await us.ask("POST", PATH, { json });
  expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
});

test("no token has a scope that the key which asks for it lacks, and no token makes another: 403", async () => {
  const { body: poor } = await us.ask("POST", "/v1/keys", { json: { name: "k", scopes: ["keys:manage"] } });
  const refused = await askWithKey(api, poor.key)("POST", PATH, { json: { scopes: ["webhooks:read"] } });
  expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 403, code: "forbidden" });
  const tenant = await makeTenant({ scopes: ["webhooks:read"] });
  expect((await tenant.ask("POST", PATH, { json: { scopes: ["webhooks:read"] } })).status).toBe(403);
});

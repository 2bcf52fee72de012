import { type Scope, SCOPES } from "@homing/core/organizations/api-keys";
import { createApiKey, hashApiKey } from "@homing/signature/api-key";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { v7 as uuidv7 } from "uuid";
import { type NativeApi, type Organization, routesWithoutDatabase, startNativeApi } from "./native-api.js";
import { makeRows, type Rows, validRequest } from "./route-requests.js";
import { snapshot } from "./snapshot.js";

const HOUR_MS = 60 * 60 * 1000;

const table = routesWithoutDatabase().map((route) => ({ name: `${route.method} ${route.path}`, route }));

let api: NativeApi;
let us: Organization;
let rows: Rows;

beforeAll(async () => {
  api = await startNativeApi();
  us = await api.createOrganization();
  rows = await makeRows(us);
});
afterAll(() => api.stop());

async function makeKey(more: { scopes?: Scope[]; expiresAt?: Date; revokedAt?: Date } = {}): Promise<string> {
  const key = createApiKey();
  const { organizationId } = us;
  const data = {
    id: uuidv7(),
    organizationId,
    name: "k",
    keyHash: hashApiKey(key),
    keyPrefix: "hom_",
    scopes: [...SCOPES],
  };
  await api.db.apiKey.create({ data: { ...data, ...more } });
  return key;
}

test("each route asks for the scope of what it shows or does", () => {
  const scopes = Object.fromEntries(table.map(({ route }) => [route.operationId, route.scope]));
  expect(scopes).toEqual({
    publishEvent: "events:write",
    publishEvents: "events:write",
    listEvents: "events:read",
    getEvent: "events:read",
    listEventDeliveries: "deliveries:read",
    createWebhook: "webhooks:write",
    listWebhooks: "webhooks:read",
    getWebhook: "webhooks:read",
    updateWebhook: "webhooks:write",
    archiveWebhook: "webhooks:write",
    enableWebhook: "webhooks:write",
    disableWebhook: "webhooks:write",
    revealSecret: "secrets:read",
    rotateSecret: "webhooks:write",
    testWebhook: "webhooks:write",
    listAuditLog: "keys:manage",
    listDeliveries: "deliveries:read",
    getDelivery: "deliveries:read",
    listAttempts: "deliveries:read",
    retryDelivery: "deliveries:retry",
    cancelDelivery: "deliveries:retry",
  });
});

describe.each(table)("$name", ({ route }) => {
  async function expectRefused(authorization: string | null, status: number, code: string): Promise<Response> {
    const before = await snapshot(api.db);
    const { method, path, asked } = validRequest(route, rows);
    const headers: Record<string, string> = authorization === null ? {} : { Authorization: authorization };
    const answer = await api.ask(method, path, { ...asked, headers });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(await snapshot(api.db)).toEqual(before);
    return answer;
  }

  async function expectUnknown(authorization: string | null): Promise<string> {
    const { headers, body } = await expectRefused(authorization, 401, "unauthenticated");
    expect(headers["www-authenticate"]).toBe("Bearer");
    return body.detail;
  }

  test("asks for a key that is known, not revoked and not expired: 401", async () => {
    await expectUnknown(null);
    await expectUnknown(`Basic ${us.key}`);
    const details = [
      await expectUnknown(`Bearer ${createApiKey()}`),
      await expectUnknown(`Bearer ${await makeKey({ revokedAt: new Date() })}`),
      await expectUnknown(`Bearer ${await makeKey({ expiresAt: new Date(Date.now() - 1_000) })}`),
    ];
    expect(new Set(details).size).toBe(1);
  });

  test("asks for its own scope: 403 without it, whatever others the key has", async () => {
    const scopes = SCOPES.filter((scope) => scope !== route.scope);
    expect(scopes).toHaveLength(SCOPES.length - 1);
    const { body } = await expectRefused(`Bearer ${await makeKey({ scopes })}`, 403, "forbidden");
    expect(body.detail).toContain(route.scope);
    await expectRefused(`Bearer ${await makeKey({ scopes: [] })}`, 403, "forbidden");
  });

  test("takes a key of its scope alone that expires in an hour", async () => {
    const own = await api.createOrganization();
    const { method, path, asked } = validRequest(route, await makeRows(own));
    const scopes = SCOPES.filter((scope) => scope === route.scope);
    const key = createApiKey();
    const data = {
      id: uuidv7(),
      organizationId: own.organizationId,
      name: "k",
      keyHash: hashApiKey(key),
      keyPrefix: "",
    };
    await api.db.apiKey.create({ data: { ...data, scopes, expiresAt: new Date(Date.now() + HOUR_MS) } });
    const answer = await api.ask(method, path, { ...asked, headers: { Authorization: `Bearer ${key}` } });
    expect(Object.keys(route.answers)).toContain(String(answer.status));
  });
});

test("a revocation counts from the next request on", async () => {
  const key = await makeKey();
  const headers = { Authorization: `Bearer ${key}` };
  expect((await api.ask("GET", "/v1/webhooks", { headers })).status).toBe(200);
  await api.db.apiKey.update({ where: { keyHash: hashApiKey(key) }, data: { revokedAt: new Date() } });
  expect((await api.ask("GET", "/v1/webhooks", { headers })).status).toBe(401);
});

test("a path without a route is 404 and a method without one 405, with a key or none", async () => {
  for (const headers of [{}, { Authorization: `Bearer ${us.key}` }]) {
    expect((await api.ask("GET", "/v1/webhook", { headers })).body.code).toBe("route_not_found");
    const { status, headers: answered } = await api.ask("PUT", "/v1/webhooks", { headers });
    expect({ status, allow: answered["allow"] }).toEqual({ status: 405, allow: "GET, HEAD, OPTIONS, POST" });
  }
});

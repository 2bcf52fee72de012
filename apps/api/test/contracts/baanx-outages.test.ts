import { createLogger } from "@homing/runtime/logger";
import { afterEach, expect, test } from "@jest/globals";
import { createApp } from "../../src/app.js";
import type { Authenticate } from "../../src/authorize.js";
import { type HttpServer, listen } from "../../src/http-server.js";
import { createNativeSurface } from "../../src/native-surface.js";
import { createOpenApi } from "../../src/openapi.js";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { type Ask, createAsk } from "./ask.js";
import { surfaceWithoutDatabase } from "./baanx-without-database.js";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const CALLER = {
  organizationId: UNKNOWN_ID,
  apiKeyId: UNKNOWN_ID,
  scopes: ["deliveries:retry", "deliveries:read", "events:read"],
  by: "api_key" as const,
  webhookId: null,
};

const surface = surfaceWithoutDatabase();
const servers: HttpServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Serves the contract to a holder of some key, without a database. */
async function serve(authenticate: Authenticate): Promise<Ask> {
  const native = createNativeSurface([]);
  const app = createApp({
    contracts: [surface],
    native,
    gate: { authenticate, limiter: null, deliveryEnabled: true },
    log: createLogger({ service: "api-test", level: "silent" }),
    health: (_req, _res, next) => next(),
    board: null,
  });
  const server = await listen(app, LOOPBACK);
  servers.push(server);
  const ask = createAsk(`http://${LOOPBACK.host}:${server.port}`, createOpenApi([surface, native]));
  return (method, path, asked) => ask(method, path, { ...asked, headers: { Authorization: "Bearer key" } });
}

test("503 when the store is down, on every route", async () => {
  const ask = await serve(async () => CALLER);
  for (const { method, path } of surface.routes) {
    const answer = await ask(method, path.replaceAll(/\{\w+\}/g, UNKNOWN_ID));
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.body).toEqual({ message: "Notification service is not configured for this environment" });
  }
});

test("500 says nothing of the reason", async () => {
  const ask = await serve(() => Promise.reject(new Error("the secret reason")));
  const { status, body } = await ask("POST", `/v1/webhooks/events/${UNKNOWN_ID}/retry`);
  expect({ status, body }).toEqual({ status: 500, body: { message: "Internal server error" } });
});

test("the native webhooks beside it stay native", () => {
  const owned = ["/v1/webhooks/events", "/v1/webhooks/events/x/retry", "/v1/webhooks/x/logs", "/v1/webhooks/events/"];
  const foreign = ["/v1/webhooks", "/v1/webhooks/x", "/v1/webhooks/x/enable", "/v1/events", "/v1/webhooks/eventsx"];
  expect([...owned, ...foreign].filter((path) => surface.owns(path))).toEqual(owned);
});

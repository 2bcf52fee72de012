import { SCOPES } from "@homing/core/organizations/api-keys";
import { createDatabase, type Database } from "@homing/db/client";
import { freePort } from "@homing/local/free-port";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { createCallers } from "../../src/callers.js";
import { deliveryIdsOf, makeWebhook, UNKNOWN_ID } from "./fixtures.js";
import {
  askWithKey,
  createTestContext,
  type NativeServer,
  OPERATOR_KEY,
  routesWithoutDatabase,
  serve,
  startNativeApi,
} from "./native-api.js";
import { validRequest } from "./route-requests.js";

const ROWS = {
  webhook_id: UNKNOWN_ID,
  event_id: UNKNOWN_ID,
  delivery_id: UNKNOWN_ID,
  key_id: UNKNOWN_ID,
  organization_id: UNKNOWN_ID,
};
const KEY = "hom_any_key";

describe("with the database away", () => {
  let db: Database;
  let servers: { name: string; server: NativeServer }[];

  beforeAll(async () => {
    const url = `postgres://127.0.0.1:${await freePort()}/none`;
    db = createDatabase({ url, connectionsMax: 2, applicationName: "api-test" });
    const context = createTestContext(db, async () => []);
    const caller = {
      organizationId: UNKNOWN_ID,
      apiKeyId: UNKNOWN_ID,
      scopes: SCOPES,
      by: "api_key" as const,
      webhookId: null,
    };
    servers = [
      { name: "at the key", server: await serve(context, createCallers(context)) },
      { name: "behind the key", server: await serve(context, { authenticate: async () => caller }) },
    ];
  });
  afterAll(async () => {
    for (const { server } of servers) await server.close();
    await db.$disconnect();
  });

  function expectUnavailable({ status, headers, body, text }: Response): void {
    expect({ status, code: body.code }).toEqual({ status: 503, code: "unavailable" });
    expect(headers["retry-after"]).toBe("1");
    expect(text).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|prisma/i);
  }

  test.each(routesWithoutDatabase().map((route) => ({ name: `${route.method} ${route.path}`, route })))(
    "$name is 503 with Retry-After, at its key and behind it",
    async ({ route }) => {
      const { method, path, asked } = validRequest(route, ROWS);
      const key = route.scope === "operator" ? OPERATOR_KEY : KEY;
      for (const { server } of servers) expectUnavailable(await askWithKey(server, key)(method, path, asked));
    },
  );

  test("a request that is not valid is refused as always", async () => {
    const behind = servers[1];
    if (behind === undefined) throw new Error("no server");
    expect((await askWithKey(behind.server, KEY)("GET", "/v1/deliveries/17")).status).toBe(422);
  });
});

test("with the queue away publishing and retrying are 202, and the relay is told to look at once", async () => {
  const api = await startNativeApi();
  const us = await api.createOrganization();
  const context = createTestContext(api.db, () => Promise.reject(new Error("no queue")));
  const server = await serve(context, createCallers(api.context));
  const ask = askWithKey(server, us.key);
  await makeWebhook(us);
  const published = await ask("POST", "/v1/events", { json: { type: "a", payload: {} } });
  expect(published.status).toBe(202);
  const [deliveryId = ""] = await deliveryIdsOf(us, published.body.id);
  await ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
  const retried = await ask("POST", `/v1/deliveries/${deliveryId}/retry`);
  expect({ status: retried.status, state: retried.body.state }).toEqual({ status: 202, state: "pending" });
  await waitForHandBack(api.db, deliveryId);
  await server.close();
  await api.stop();
});

async function waitForHandBack(db: Database, deliveryId: string): Promise<void> {
  const row = await waitFor(() => db.delivery.findFirst({ where: { id: deliveryId, queuedAt: null } }), {
    what: "the delivery to be left to the relay",
  });
  expect(row.relayAt).toEqual(row.nextAttemptAt);
}

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { makeWebhook, publish, UNKNOWN_ID } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const WORDS = "Delivery is switched off in this environment.";

const BODIES: Record<string, unknown> = {
  native: expect.objectContaining({ code: "unavailable", detail: WORDS }),
  theirstack: expect.objectContaining({ error: expect.objectContaining({ code: "E-015", description: WORDS }) }),
  kallima: expect.objectContaining({ code: "unavailable", detail: WORDS }),
  baanx: { message: "Notification service is not configured for this environment" },
  b3os: expect.objectContaining({ code: 503, message: WORDS }),
};

let api: ContractApi;
let us: ContractOrganization;

beforeAll(async () => {
  api = await startContractApi({ deliveryEnabled: false });
  api.worker.pause();
  us = await api.createOrganization();
});
afterAll(() => api.stop());

test("while delivery is switched off, what asks for sending is 503 on every surface", async () => {
  const refused: string[] = [];
  for (const { name, routes } of api.surfaces) {
    for (const { method, path, operationId, asksForSending } of routes) {
      if (asksForSending !== true) continue;
      refused.push(operationId);
      const answer = await us.ask(method, path.replaceAll(/\{\w+\}/g, UNKNOWN_ID));
      expect({ path, status: answer.status, body: answer.body }).toEqual({ path, status: 503, body: BODIES[name] });
      expect(answer.headers["retry-after"]).toBe("60");
    }
  }
  expect(refused.toSorted()).toEqual([
    "b3osReplayDelivery",
    "b3osRetryDelivery",
    "baanxRetryEvent",
    "kallimaRetryDelivery",
    "retryDelivery",
    "testWebhook",
    "theirstackRetryEvents",
    "theirstackTestWebhook",
  ]);
});

test("a caller without the scope is told that first", async () => {
  const poor = await api.createKey(us, { scopes: [] });
  expect((await poor.ask("POST", `/v1/webhooks/events/${UNKNOWN_ID}/retry`)).status).toBe(403);
});

test("publishing goes on, and what was published can be read", async () => {
  const { id } = await makeWebhook(us, { url: "https://a.example/" });
  const eventId = await publish(us, { webhook_ids: [id] });
  const { status, body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/status`);
  expect({ status, eventType: body.eventType }).toEqual({ status: 200, eventType: "invoice.paid" });
});

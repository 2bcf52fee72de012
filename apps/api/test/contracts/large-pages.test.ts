import { formatEventId } from "@homing/core/events/event-id";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { deliveryIdsOf, makeWebhook, publish } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const KIB = 1024;
const EVENTS = 6;
/** Near the most that may be published, so that a page of six is sent in pieces. */
const PAYLOAD = { text: "é".repeat(120 * KIB) };

let api: ContractApi;
let us: ContractOrganization;
let webhook: { id: string; number: bigint };
let eventIds: string[];

beforeAll(async () => {
  api = await startContractApi();
  us = await api.createOrganization();
  api.worker.pause();
  const { id } = await makeWebhook(us);
  webhook = await api.db.webhook.findUniqueOrThrow({ where: { id } });
  eventIds = [];
  for (let at = 0; at < EVENTS; at++) {
    eventIds.unshift(await publish(us, { payload: { at, ...PAYLOAD }, webhook_ids: [id] }));
  }
});
afterAll(() => api.stop());

interface Listed {
  path: () => string;
  itemsOf: (body: Record<string, object[]> & object[]) => object[];
  payload: string;
}

const PAGES: Record<string, Listed> = {
  TheirStack: {
    path: () => `/v0/webhooks/${webhook.number}/events`,
    itemsOf: (body) => body,
    payload: "payload",
  },
  "Kallima Bio": { path: () => "/v1/webhook_deliveries", itemsOf: (body) => body, payload: "request_body" },
  B3OS: {
    path: () => "/v1/execution-webhooks/deliveries",
    itemsOf: (body) => Object(body["data"]).items,
    payload: "requestBody",
  },
  "Baanx's events": { path: () => "/v1/webhooks/events", itemsOf: (body) => body["events"] ?? [], payload: "payload" },
  "Baanx's logs of a webhook": {
    path: () => `/v1/webhooks/${webhook.id}/logs`,
    itemsOf: (body) => body["logs"] ?? [],
    payload: "requestBody",
  },
};

test.each(Object.entries(PAGES))(
  "%s: a page of large payloads comes in pieces, each as published",
  async (_name, page) => {
    const { status, body, headers } = await us.ask("GET", page.path());
    expect({ status, length: headers["content-length"] }).toEqual({ status: 200, length: undefined });
    const payloads = page.itemsOf(body).map((item) => Object(item)[page.payload]);
    expect(payloads.map(({ at }) => at)).toEqual([5, 4, 3, 2, 1, 0]);
    for (const payload of payloads) expect(payload.text === PAYLOAD.text).toBe(true);
  },
);

test("Baanx's logs of an event repeat its payload, as often as it was for a webhook", async () => {
  const ids = await Promise.all(Array.from({ length: EVENTS }, async () => (await makeWebhook(us)).id));
  const eventId = await publish(us, { payload: PAYLOAD, webhook_ids: ids });
  expect(await deliveryIdsOf(us, eventId)).toHaveLength(EVENTS);
  const { body, headers } = await us.ask("GET", `/v1/webhooks/events/${eventId}/logs`);
  expect(headers["content-length"]).toBeUndefined();
  expect(formatEventId(body.event.id)).toBe(eventId);
  expect(body.logs.map(({ requestBody }: { requestBody: typeof PAYLOAD }) => requestBody.text.length)).toEqual(
    Array.from({ length: EVENTS }, () => PAYLOAD.text.length),
  );
});

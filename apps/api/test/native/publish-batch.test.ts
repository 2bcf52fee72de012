import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeWebhook, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const PATH = "/v1/events/batch";
const KIB = 1024;
const EVENTS_MAX = 1_000;
const DELIVERIES_MAX = 50_000;
const BODY_BYTES_MAX = 8 * KIB * KIB;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

function eventsOf(count: number): { type: string; payload: object }[] {
  return Array.from({ length: count }, (_, index) => ({ type: `batch.n${index}`, payload: { index } }));
}

function countEvents(): Promise<number> {
  return api.db.event.count({ where: { organizationId: us.organizationId } });
}

describe("POST /v1/events/batch", () => {
  test("publishes 1,000 events with one answer each, in their order", async () => {
    await makeWebhook(us, { event_types: ["batch.n7", "batch.n999"] });
    const before = api.hints.length;
    const { status, body } = await us.ask("POST", PATH, { json: { events: eventsOf(EVENTS_MAX) } });
    expect(status).toBe(202);
    expect(body.data.map(({ type }: { type: string }) => type)).toEqual(eventsOf(EVENTS_MAX).map(({ type }) => type));
    const matched = body.data.filter((event: { matched_webhooks: number }) => event.matched_webhooks === 1);
    expect(matched.map(({ type }: { type: string }) => type)).toEqual(["batch.n7", "batch.n999"]);
    expect(api.hints.length - before).toBe(2);
    const { body: last } = await us.ask("GET", `/v1/events/${body.data[999].id}`);
    expect(last).toMatchObject({ type: "batch.n999", payload: { index: 999 } });
    expect(await countEvents()).toBe(EVENTS_MAX);
  });

  test("keeps each payload byte for byte", async () => {
    const payloads = [`{"n":1.0}`, `{ "n" : 12345678901234567890 }`, `{"n":"],[","n":2}`];
    const text = `{"events": [ ${payloads.map((payload) => `{"type":"a" ,"payload": ${payload} }`).join(" ,\n")} ]}`;
    const { body } = await us.ask("POST", PATH, { text });
    for (const [index, payload] of payloads.entries()) {
      expect((await us.ask("GET", `/v1/events/${body.data[index].id}`)).text).toContain(`"payload":${payload}}`);
    }
  });

  test.each([
    ["1,001 events", { events: eventsOf(EVENTS_MAX + 1) }, "/events"],
    ["no events", { events: [] }, "/events"],
    ["no member events", {}, "/events"],
    ["events that are no array", { events: {} }, "/events"],
    ["an unknown member", { events: eventsOf(1), mode: 1 }, "/mode"],
    ["one malformed payload", { events: [...eventsOf(3), { type: "a", payload: 1 }] }, "/events/3/payload"],
    [
      "one event of a type that is Homing's own",
      { events: [...eventsOf(1), { type: "homing.webhook.disabled", payload: {} }] },
      "/events/1/type",
    ],
    ["one event that is none", { events: [...eventsOf(1), null] }, "/events/1"],
  ])("%s is 422 on its place, and nothing is published", async (_name, json, pointer) => {
    const { status, body } = await us.ask("POST", PATH, { json });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "body", pointer, detail: expect.any(String) }]);
    expect(await countEvents()).toBe(0);
  });

  test("one payload over 256 KiB is 413 that names it, and nothing is published", async () => {
    const big = { type: "a", payload: { a: "x".repeat(256 * KIB - 7) } };
    const { status, body } = await us.ask("POST", PATH, { json: { events: [...eventsOf(3), big] } });
    expect(status).toBe(413);
    expect(body.errors).toEqual([{ in: "body", pointer: "/events/3/payload", detail: expect.any(String) }]);
    expect(await countEvents()).toBe(0);
  });

  test("unknown webhooks of one event are 422 on its webhook_ids, and nothing is published", async () => {
    const event = { type: "a", payload: {}, webhook_ids: [UNKNOWN_ID] };
    const { status, body } = await us.ask("POST", PATH, { json: { events: [...eventsOf(2), event] } });
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { in: "body", pointer: "/events/2/webhook_ids", detail: expect.stringContaining(UNKNOWN_ID) },
    ]);
    expect(await countEvents()).toBe(0);
  });

  test("more deliveries than one statement may make are 422 on the events, also beside others, which are published", async () => {
    const webhooks = DELIVERIES_MAX / EVENTS_MAX + 1;
    for (let made = 0; made < webhooks; made++) await makeWebhook(us, { event_types: ["*"] });
    const single = { type: "single", payload: {} };
    const [large, ...singles] = await Promise.all([
      us.ask("POST", PATH, { json: { events: eventsOf(EVENTS_MAX) } }),
      us.ask("POST", "/v1/events", { json: single }),
      us.ask("POST", "/v1/events", { json: single }),
    ]);
    expect(large.status).toBe(422);
    expect(large.body.errors).toEqual([
      { in: "body", pointer: "/events", detail: "would make more than 50000 deliveries; publish fewer events at once" },
    ]);
    expect(singles.map(({ status, body }) => [status, body.matched_webhooks])).toEqual([
      [202, webhooks],
      [202, webhooks],
    ]);
    expect(await countEvents()).toBe(2);
    expect((await us.ask("POST", PATH, { json: { events: eventsOf(2) } })).status).toBe(202);
  });

  test("a body of 8 MiB is read, one byte more is 413", async () => {
    const text = JSON.stringify({ events: eventsOf(1) }).padEnd(BODY_BYTES_MAX);
    expect((await us.ask("POST", PATH, { text })).status).toBe(202);
    expect((await us.ask("POST", PATH, { text: `${text} ` })).body.code).toBe("payload_too_large");
  });
});

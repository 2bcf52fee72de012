import { parseEventId } from "@homing/core/events/event-id";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { deliveryIdsOf, makeDelivery, makeWebhook, publish, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

const UNKNOWN_EVENT = "evt_01JBAAAA000000000000000000";

describe("GET /v1/events", () => {
  test("lists newest first, page by page, of one type when asked", async () => {
    const ids: string[] = [];
    for (const type of ["a", "b", "a", "a.b", "a"]) ids.unshift(await publish(us, { type }));
    const all = await us.ask("GET", "/v1/events");
    expect(all.body.data.map(({ id }: { id: string }) => id)).toEqual(ids);
    expect(all.body.next_cursor).toBeNull();
    const first = await us.ask("GET", "/v1/events", { query: { type: "a", limit: 2 } });
    const second = await us.ask("GET", "/v1/events", {
      query: { type: "a", limit: 2, cursor: first.body.next_cursor },
    });
    const listed = [...first.body.data, ...second.body.data].map(({ id }) => id);
    expect(listed).toEqual([ids[0], ids[2], ids[4]]);
    expect(second.body.next_cursor).toBeNull();
  });

  test.each([
    "limit=0",
    "limit=201",
    "limit=1.5",
    "limit=x",
    "cursor=",
    "cursor=x",
    "type=a.*",
    "type=",
    "state=failed",
  ])("the query %s is 422", async (query) => {
    const { status, body } = await us.ask("GET", `/v1/events?${query}`);
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "query", pointer: `/${query.split("=")[0]}`, detail: expect.any(String) }]);
  });

  test("a page has 50 items unless told, and 200 at most", async () => {
    const events = Array.from({ length: 201 }, () => ({ type: "a", payload: {} }));
    await us.ask("POST", "/v1/events/batch", { json: { events } });
    expect((await us.ask("GET", "/v1/events")).body.data).toHaveLength(50);
    expect((await us.ask("GET", "/v1/events", { query: { limit: 200 } })).body.data).toHaveLength(200);
  });
});

describe("an event's id", () => {
  test("is taken in either spelling and any case wherever one is taken", async () => {
    const { eventId, deliveryId } = await makeDelivery(us);
    const uuid = parseEventId(eventId) ?? "";
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    for (const spelling of [eventId, eventId.toLowerCase(), uuid, uuid.toUpperCase()]) {
      expect((await us.ask("GET", `/v1/events/${spelling}`)).body.id).toBe(eventId);
      expect(await deliveryIdsOf(us, spelling)).toEqual([deliveryId]);
      const { body } = await us.ask("GET", "/v1/deliveries", { query: { event_id: spelling } });
      expect(body.data).toMatchObject([{ id: deliveryId, event_id: eventId }]);
    }
  });

  test("that is none of the spellings is 422, an unknown one 404", async () => {
    for (const path of ["", "/deliveries"]) {
      for (const id of ["17", "evt_", `${UNKNOWN_EVENT}0`, "evt_8ZZZZZZZZZZZZZZZZZZZZZZZZZ", UNKNOWN_EVENT.slice(4)]) {
        const { status, body } = await us.ask("GET", `/v1/events/${id}${path}`);
        expect({ id, status }).toEqual({ id, status: 422 });
        expect(body.errors).toEqual([{ in: "path", pointer: "/event_id", detail: expect.any(String) }]);
      }
      for (const id of [UNKNOWN_EVENT, UNKNOWN_ID]) {
        expect((await us.ask("GET", `/v1/events/${id}${path}`)).body).toMatchObject({ status: 404, code: "not_found" });
      }
    }
    expect((await us.ask("GET", "/v1/deliveries", { query: { event_id: "17" } })).status).toBe(422);
  });
});

describe("GET /v1/events/{event_id}/deliveries", () => {
  test("lists the event's own deliveries, one for each webhook, page by page", async () => {
    const webhooks = [await makeWebhook(us), await makeWebhook(us), await makeWebhook(us)].map(({ id }) => id);
    await publish(us);
    const eventId = await publish(us);
    const path = `/v1/events/${eventId}/deliveries`;
    const first = await us.ask("GET", path, { query: { limit: 2 } });
    const second = await us.ask("GET", path, { query: { limit: 2, cursor: first.body.next_cursor } });
    const listed = [...first.body.data, ...second.body.data];
    expect(new Set(listed.map(({ webhook_id }) => webhook_id))).toEqual(new Set(webhooks));
    expect(listed).toHaveLength(webhooks.length);
    for (const delivery of listed) expect(delivery).toMatchObject({ event_id: eventId, event_type: "invoice.paid" });
    expect(second.body.next_cursor).toBeNull();
  });

  test("of an event for nobody is an empty page", async () => {
    const { body } = await us.ask("GET", `/v1/events/${await publish(us)}/deliveries`);
    expect(body).toEqual({ data: [], next_cursor: null });
  });
});

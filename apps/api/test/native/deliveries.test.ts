import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  attempt,
  BADLY,
  claim,
  deliveryIdsOf,
  makeDelivery,
  makeWebhook,
  publish,
  UNKNOWN_ID,
  WELL,
} from "./fixtures.js";
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

async function listed(query: Record<string, string | number>): Promise<string[]> {
  const { body } = await us.ask("GET", "/v1/deliveries", { query });
  return body.data.map(({ id }: { id: string }) => id);
}

async function stateOf(deliveryId: string): Promise<string> {
  return (await us.ask("GET", `/v1/deliveries/${deliveryId}`)).body.state;
}

/** The time one millisecond behind a delivery's making, once that has come. */
async function after(deliveryId: string): Promise<string> {
  const { body } = await us.ask("GET", `/v1/deliveries/${deliveryId}`);
  const madeMs = Number.parseInt(body.id.replaceAll("-", "").slice(0, 12), 16);
  await waitFor(() => Date.now() > madeMs + 1, { what: "the next millisecond" });
  return new Date(madeMs + 1).toISOString();
}

describe("GET /v1/deliveries/{delivery_id}", () => {
  test("shows a delivery before, between and after its attempts", async () => {
    const { webhookId, eventId, deliveryId } = await makeDelivery(us);
    const path = `/v1/deliveries/${deliveryId}`;
    const { body: made } = await us.ask("GET", path);
    expect(made).toEqual({
      id: deliveryId,
      number: expect.any(Number),
      event_id: eventId,
      event_type: "invoice.paid",
      webhook_id: webhookId,
      state: "pending",
      series: 1,
      attempts_in_series: 0,
      attempts_total: 0,
      next_attempt_at: expect.any(String),
      last_response_status: null,
      last_error: null,
      delivered_at: null,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    await attempt(api, deliveryId, BADLY);
    const { body: failed } = await us.ask("GET", path);
    expect(failed).toMatchObject({
      state: "pending",
      attempts_in_series: 1,
      attempts_total: 1,
      last_response_status: 500,
      last_error: "responded 500",
      delivered_at: null,
    });
    expect(Date.parse(failed.next_attempt_at) - Date.parse(failed.updated_at)).toBe(5_000);
    await us.ask("POST", `${path}/retry`);
    await attempt(api, deliveryId, WELL);
    const { body: succeeded } = await us.ask("GET", path);
    expect(succeeded).toMatchObject({
      state: "succeeded",
      series: 2,
      attempts_in_series: 1,
      attempts_total: 2,
      next_attempt_at: null,
      last_response_status: 200,
      last_error: null,
      delivered_at: succeeded.updated_at,
    });
  });

  test("an unknown delivery is 404, a malformed id 422", async () => {
    for (const path of ["", "/attempts"]) {
      expect((await us.ask("GET", `/v1/deliveries/${UNKNOWN_ID}${path}`)).body.code).toBe("not_found");
      expect((await us.ask("GET", `/v1/deliveries/17${path}`)).body.code).toBe("validation_error");
    }
  });

  test("a path of it by another method is 405 with Allow", async () => {
    const { status, headers } = await us.ask("DELETE", `/v1/deliveries/${UNKNOWN_ID}`);
    expect({ status, allow: headers["allow"] }).toEqual({ status: 405, allow: "GET, HEAD, OPTIONS" });
  });
});

describe("GET /v1/deliveries", () => {
  test("each filter alone takes what fits it, and together what fits all", async () => {
    const a = await makeDelivery(us);
    const between = await after(a.deliveryId);
    const { id: other } = await makeWebhook(us);
    const eventId = await publish(us, { type: "order.made", webhook_ids: [a.webhookId, other] });
    const second = await us.ask("GET", `/v1/events/${eventId}/deliveries`);
    const idFor = (webhookId: string): string =>
      second.body.data.find((delivery: { webhook_id: string }) => delivery.webhook_id === webhookId).id;
    const [b, c] = [idFor(a.webhookId), idFor(other)];
    await attempt(api, b, WELL);
    const all = [b, c].toSorted().toReversed();

    expect(await listed({})).toEqual([...all, a.deliveryId]);
    expect(await listed({ state: "succeeded" })).toEqual([b]);
    expect(await listed({ state: "failed" })).toEqual([]);
    expect(await listed({ webhook_id: other })).toEqual([c]);
    expect(await listed({ event_id: eventId })).toEqual(all);
    expect(await listed({ event_type: "invoice.paid" })).toEqual([a.deliveryId]);
    expect(await listed({ since: between })).toEqual(all);
    expect(await listed({ until: between })).toEqual([a.deliveryId]);
    expect(await listed({ since: between, until: between })).toEqual([]);
    expect(await listed({ webhook_id: a.webhookId, event_type: "order.made" })).toEqual([b]);
    expect(await listed({ webhook_id: a.webhookId, state: "pending", until: between })).toEqual([a.deliveryId]);
    const every = { state: "succeeded", webhook_id: a.webhookId, event_id: eventId, event_type: "order.made" };
    expect(await listed({ ...every, since: between, until: "9999-12-31T23:59:59.999Z", limit: 1 })).toEqual([b]);
    expect(await listed({ ...every, webhook_id: other })).toEqual([]);
  });

  test("unknown ids and far times filter everything away and are no fault", async () => {
    const { deliveryId } = await makeDelivery(us);
    expect(await listed({ webhook_id: UNKNOWN_ID })).toEqual([]);
    expect(await listed({ event_id: UNKNOWN_ID })).toEqual([]);
    expect(await listed({ since: "9999-12-31T23:59:59.999Z" })).toEqual([]);
    expect(await listed({ until: "0001-01-01T00:00:00Z" })).toEqual([]);
    expect(await listed({ since: "0001-01-01T00:00:00Z", until: "9999-12-31T23:59:59Z" })).toEqual([deliveryId]);
  });

  test("a time with an offset is the same instant", async () => {
    const { deliveryId } = await makeDelivery(us);
    const between = await after(deliveryId);
    const elsewhere = new Date(Date.parse(between) + 2 * 60 * 60 * 1000).toISOString().replace("Z", "+02:00");
    expect(await listed({ until: elsewhere })).toEqual([deliveryId]);
    expect(await listed({ since: elsewhere })).toEqual([]);
  });

  test.each([
    ["state", "retrying"],
    ["webhook_id", "17"],
    ["event_id", "evt_17"],
    ["event_type", "a.*"],
    ["since", "yesterday"],
    ["until", "2026-02-30T00:00:00Z"],
    ["until", "2026-01-01T00:00:00"],
    ["limit", "201"],
    ["colour", "red"],
  ])("%s=%s is 422 on that parameter", async (name, value) => {
    const { status, body } = await us.ask("GET", "/v1/deliveries", { query: { [name]: value } });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "query", pointer: `/${name}`, detail: expect.any(String) }]);
  });
});

describe("GET /v1/deliveries/{delivery_id}/attempts", () => {
  test("lists each attempt with what was sent and answered, first to last, page by page", async () => {
    const { deliveryId } = await makeDelivery(us);
    const path = `/v1/deliveries/${deliveryId}`;
    await attempt(api, deliveryId, BADLY);
    await us.ask("POST", `${path}/retry`);
    await attempt(api, deliveryId, { outcome: "timeout", error: "no answer within 15 s", durationMs: 15_000 });
    await us.ask("POST", `${path}/retry`);
    await attempt(api, deliveryId, WELL);
    const first = await us.ask("GET", `${path}/attempts`, { query: { limit: 2 } });
    expect(first.body.data).toEqual([
      {
        id: expect.any(String),
        delivery_id: deliveryId,
        series: 1,
        number: 1,
        trigger: "automatic",
        outcome: "responded",
        response_status: 500,
        response_headers: { "retry-after": "1" },
        response_body: "",
        request_headers: { "content-type": "application/json", "x-token": "[redacted]" },
        duration_ms: 7,
        error: null,
        created_at: expect.any(String),
      },
      expect.objectContaining({
        series: 2,
        number: 1,
        trigger: "manual",
        outcome: "timeout",
        response_status: null,
        response_headers: null,
        response_body: null,
        error: "no answer within 15 s",
      }),
    ]);
    const rest = await us.ask("GET", `${path}/attempts`, { query: { limit: 2, cursor: first.body.next_cursor } });
    expect(rest.body.data).toMatchObject([{ series: 3, number: 1, outcome: "responded", response_body: "ok" }]);
    expect(rest.body.next_cursor).toBeNull();
  });

  test("of a delivery that was not sent yet is an empty page", async () => {
    const { deliveryId } = await makeDelivery(us);
    const { body } = await us.ask("GET", `/v1/deliveries/${deliveryId}/attempts`);
    expect(body).toEqual({ data: [], next_cursor: null });
  });
});

describe("POST /v1/deliveries/{delivery_id}/retry", () => {
  test.each([
    ["succeeded", WELL],
    ["failed", BADLY],
  ])("a delivery that has %s is queued again as the same record in a new series", async (state, result) => {
    const { deliveryId } = await makeDelivery(us, { retry_policy: "kallima" });
    await attempt(api, deliveryId, result);
    expect(await stateOf(deliveryId)).toBe(state);
    await expectRetried(deliveryId, 1);
  });

  test("a scheduled retry is pulled forward in a new series", async () => {
    const { deliveryId } = await makeDelivery(us);
    await attempt(api, deliveryId, BADLY);
    await expectRetried(deliveryId, 1);
  });

  test("a cancelled delivery is queued again", async () => {
    const { deliveryId } = await makeDelivery(us);
    await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    await expectRetried(deliveryId, 0);
  });

  test("a held delivery goes out at once when its webhook is enabled again", async () => {
    const { id } = await makeWebhook(us);
    await us.ask("POST", `/v1/webhooks/${id}/disable`);
    const [deliveryId = ""] = await deliveryIdsOf(us, await publish(us));
    await us.ask("POST", `/v1/webhooks/${id}/enable`);
    expect(await stateOf(deliveryId)).toBe("held");
    await expectRetried(deliveryId, 0);
  });

  async function expectRetried(deliveryId: string, attemptsTotal: number): Promise<void> {
    const before = api.hints.length;
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/retry`);
    expect(status).toBe(202);
    expect(body).toMatchObject({
      id: deliveryId,
      state: "pending",
      series: 2,
      attempts_in_series: 0,
      attempts_total: attemptsTotal,
    });
    expect(api.hints.slice(before)).toMatchObject([{ deliveryId, series: 2, number: 1, delayMs: 0 }]);
  }

  test("a delivery that is queued already answers the same and is not queued twice", async () => {
    const { deliveryId } = await makeDelivery(us);
    const before = api.hints.length;
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/retry`);
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: "pending", series: 1 });
    expect(api.hints).toHaveLength(before);
  });

  test("a delivery in flight answers that it is, and gets no second attempt", async () => {
    const { deliveryId } = await makeDelivery(us);
    await claim(api, deliveryId);
    const before = api.hints.length;
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/retry`);
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: "in_flight", series: 1, attempts_in_series: 1 });
    expect(api.hints).toHaveLength(before);
  });

  test("of 50 retries at once one opens a series and all answer 202", async () => {
    const { deliveryId } = await makeDelivery(us, { retry_policy: "kallima" });
    await attempt(api, deliveryId, BADLY);
    const before = api.hints.length;
    const path = `/v1/deliveries/${deliveryId}/retry`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => us.ask("POST", path)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.series}`))).toEqual(new Set(["202 2"]));
    expect(api.hints.slice(before)).toHaveLength(1);
  });

  test.each([
    ["disabled", "POST", "/disable"],
    ["archived", "DELETE", ""],
  ] as const)("with its webhook %s is 409 and changes nothing", async (state, method, action) => {
    const { deliveryId, webhookId } = await makeDelivery(us, { retry_policy: "kallima" });
    await attempt(api, deliveryId, BADLY);
    await us.ask(method, `/v1/webhooks/${webhookId}${action}`);
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/retry`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: `webhook_${state}` });
    expect(await stateOf(deliveryId)).toBe("failed");
  });

  test("an unknown delivery is 404, a malformed id 422", async () => {
    expect((await us.ask("POST", `/v1/deliveries/${UNKNOWN_ID}/retry`)).body.code).toBe("not_found");
    expect((await us.ask("POST", "/v1/deliveries/17/retry")).body.code).toBe("validation_error");
  });

  test("takes no body but reads one that comes", async () => {
    const { deliveryId } = await makeDelivery(us);
    const path = `/v1/deliveries/${deliveryId}/retry`;
    expect((await us.ask("POST", path, { text: "not { json" })).status).toBe(202);
    expect((await us.ask("POST", path, { text: "x".repeat(256 * 1024 + 1) })).status).toBe(413);
    const headers = { "Content-Encoding": "zip" };
    expect((await us.ask("POST", path, { text: "x", headers })).status).toBe(415);
  });
});

describe("POST /v1/deliveries/{delivery_id}/cancel", () => {
  test("a pending delivery will not be sent", async () => {
    const { deliveryId } = await makeDelivery(us);
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    expect(status).toBe(202);
    expect(body).toMatchObject({ id: deliveryId, state: "cancelled", next_attempt_at: null });
    await expect(claim(api, deliveryId)).rejects.toThrow("nothing_to_do");
  });

  test("a scheduled retry and a held delivery are called off, too", async () => {
    const { deliveryId, webhookId } = await makeDelivery(us);
    await attempt(api, deliveryId, BADLY);
    expect((await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`)).body.state).toBe("cancelled");
    await us.ask("POST", `/v1/webhooks/${webhookId}/disable`);
    const [heldId = ""] = await deliveryIdsOf(us, await publish(us));
    expect((await us.ask("POST", `/v1/deliveries/${heldId}/cancel`)).body.state).toBe("cancelled");
  });

  test("a delivery in flight is 409 delivery_in_flight and stays there", async () => {
    const { deliveryId } = await makeDelivery(us);
    const finish = await claim(api, deliveryId);
    const { status, body } = await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: "delivery_in_flight" });
    await finish(WELL);
    expect(await stateOf(deliveryId)).toBe("succeeded");
  });

  test("a finished delivery is 409 delivery_finished, a cancelled one, too", async () => {
    const { deliveryId } = await makeDelivery(us);
    await attempt(api, deliveryId, WELL);
    const finished = await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    expect(finished.body).toMatchObject({ status: 409, code: "delivery_finished" });
    expect(await stateOf(deliveryId)).toBe("succeeded");
    const second = await makeDelivery(us);
    await us.ask("POST", `/v1/deliveries/${second.deliveryId}/cancel`);
    const again = await us.ask("POST", `/v1/deliveries/${second.deliveryId}/cancel`);
    expect(again.body).toMatchObject({ status: 409, code: "delivery_finished" });
  });

  test("an unknown delivery is 404, a malformed id 422", async () => {
    expect((await us.ask("POST", `/v1/deliveries/${UNKNOWN_ID}/cancel`)).body.code).toBe("not_found");
    expect((await us.ask("POST", "/v1/deliveries/17/cancel")).body.code).toBe("validation_error");
  });
});

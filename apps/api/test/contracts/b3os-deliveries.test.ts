import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  createSituations,
  DELIVERIES,
  ENDPOINTS,
  makeDue,
  makeEndpoint,
  publish,
  readDelivery,
  type Situations,
  startSlowReceiver,
  UNKNOWN_ID,
  waitForStatus,
} from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;
let situations: Situations;

beforeAll(async () => {
  api = await startContractApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
  receiver = await startReceiver();
  situations = createSituations(us, receiver);
});
afterEach(async () => {
  api.worker.resume();
  await receiver.close();
});
afterAll(() => api.stop());

describe("a delivery", () => {
  test("before its first attempt leaves out what there is not yet, and has no null", async () => {
    const { endpoint, deliveryId } = await makeDue(api, us, receiver.url);
    const { text, body } = await us.ask("GET", `${DELIVERIES}/${deliveryId}`);
    expect(body.data).toEqual({
      id: deliveryId,
      endpointId: endpoint.id,
      organizationId: us.organizationId,
      eventType: "run.failed",
      status: "pending",
      retryCount: 0,
      maxRetries: 5,
      nextRetryAt: expect.stringMatching(TIME),
      requestBody: { run: 1 },
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
    });
    expect(text).not.toContain("null");
  });

  test("that succeeded has neither an error nor a next attempt", async () => {
    const { deliveryId } = await situations.succeeded();
    const delivery = await readDelivery(us, deliveryId);
    expect(delivery).toMatchObject({ status: "success", responseStatus: 200, responseBody: "answer 200" });
    expect(Object.keys(delivery)).not.toEqual(expect.arrayContaining(["errorMessage"]));
    expect(Object.keys(delivery)).not.toEqual(expect.arrayContaining(["nextRetryAt"]));
  });

  test("whose receiver never answered says why, without a response", async () => {
    receiver.answerWith(() => ({ destroy: true }));
    const endpoint = await makeEndpoint(us, receiver.url, { maxRetries: 0 });
    const deliveryId = await publish(us, endpoint.id);
    const delivery = await waitForStatus(us, deliveryId, "failure");
    expect(delivery["errorMessage"]).toMatch(/^reset: /);
    expect(delivery["durationMs"]).toEqual(expect.any(Number));
    expect(delivery).not.toHaveProperty("responseStatus");
    expect(delivery).not.toHaveProperty("responseHeaders");
    expect(delivery).not.toHaveProperty("responseBody");
  });

  test("carries the ids that the producer gave as attributes, and no other attribute", async () => {
    api.worker.pause();
    const endpoint = await makeEndpoint(us, receiver.url);
    const attributes = { executionId: "exec_1", runId: "run_1", workflowId: "", status: "odd" };
    const deliveryId = await publish(us, endpoint.id, { attributes });
    const { body } = await us.ask("GET", `${DELIVERIES}/${deliveryId}`);
    expect(body.data).toMatchObject({ executionId: "exec_1", runId: "run_1", workflowId: "", status: "pending" });
  });

  test("shows its payload byte for byte, also numbers that no double holds", async () => {
    api.worker.pause();
    const endpoint = await makeEndpoint(us, receiver.url);
    const text = `{"type":"run.failed","webhook_ids":["${endpoint.id}"],"payload":{"big":12345678901234567890, "e":1.0}}`;
    await us.ask("POST", "/v1/events", { text });
    const { text: answer } = await us.ask("GET", DELIVERIES, { query: { endpointId: endpoint.id } });
    expect(answer).toContain('"requestBody":{"big":12345678901234567890, "e":1.0}');
  });

  test("keeps the first 4096 bytes of a response and never half a character", async () => {
    receiver.answerWith(() => ({ status: 500, body: "€".repeat(2_000) }));
    const endpoint = await makeEndpoint(us, receiver.url, { maxRetries: 0 });
    const deliveryId = await publish(us, endpoint.id);
    const { responseBody } = await waitForStatus(us, deliveryId, "failure");
    expect(responseBody).toBe("€".repeat(1_365));
  });

  test("counts the retries of its series, up to maxRetries", async () => {
    receiver.answerWith(() => ({ status: 500 }));
    const retry_policy = { delays_seconds: [0, 0], jitter: 0 };
    const { body: webhook } = await us.ask("POST", "/v1/webhooks", { json: { url: receiver.url, retry_policy } });
    const deliveryId = await publish(us, webhook.id);
    expect(await waitForStatus(us, deliveryId, "failure")).toMatchObject({ retryCount: 2, maxRetries: 2 });
    await us.ask("PATCH", `/v1/webhooks/${webhook.id}`, { json: { retry_policy: { delays_seconds: [0] } } });
    expect(await readDelivery(us, deliveryId)).toMatchObject({ retryCount: 1, maxRetries: 1 });
    await us.ask("POST", `${DELIVERIES}/${deliveryId}/retry`);
    expect(await waitForStatus(us, deliveryId, "failure")).toMatchObject({ retryCount: 1, maxRetries: 1 });
    expect(receiver.requests).toHaveLength(5);
  });
});

describe("a status", () => {
  test("is pending while the delivery is due, in flight or held", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    expect(await readDelivery(us, deliveryId)).toMatchObject({ status: "pending" });
    api.worker.resume();
    const slow = await startSlowReceiver();
    try {
      const endpoint = await makeEndpoint(us, slow.url);
      const inFlight = await publish(us, endpoint.id);
      await slow.waitForRequests(1);
      expect(await readDelivery(us, inFlight)).toMatchObject({ status: "pending" });
      slow.release();
      await waitForStatus(us, inFlight, "success");
      await us.ask("POST", `${ENDPOINTS}/${endpoint.id}/disable`);
      const held = await publish(us, endpoint.id);
      expect(await readDelivery(us, held)).toMatchObject({ status: "pending" });
      expect(await readDelivery(us, held)).not.toHaveProperty("nextRetryAt");
    } finally {
      await slow.close();
    }
  });

  test("is retrying, with the time of the next attempt, after one that failed", async () => {
    const { deliveryId } = await situations.retrying();
    const delivery = await readDelivery(us, deliveryId);
    expect(delivery).toMatchObject({ status: "retrying", retryCount: 0, maxRetries: 5 });
    expect(Date.parse(String(delivery["nextRetryAt"]))).toBeGreaterThan(Date.parse(String(delivery["updatedAt"])));
  });

  test("is failure for a delivery that was called off", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    expect(await readDelivery(us, deliveryId)).toMatchObject({ status: "failure" });
  });
});

describe("GET deliveries/{id}", () => {
  test.each(["not-a-uuid", UNKNOWN_ID, UNKNOWN_ID.toUpperCase()])("404 for %s", async (id) => {
    const { status, body } = await us.ask("GET", `${DELIVERIES}/${id}`);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 404 });
  });

  test("takes an id in capitals", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    expect(await readDelivery(us, deliveryId.toUpperCase())).toMatchObject({ id: deliveryId });
  });
});

describe("GET deliveries", () => {
  test("200: newest first, 20 unless told, with the way to the next page", async () => {
    api.worker.pause();
    const endpoint = await makeEndpoint(us, receiver.url);
    const ids: string[] = [];
    for (let count = 0; count < 21; count++) ids.unshift(await publish(us, endpoint.id));
    const first = await us.ask("GET", DELIVERIES);
    expect(first.body).toMatchObject({ code: 200, message: "success", data: { limit: 20, offset: 0, hasMore: true } });
    const second = await us.ask("GET", DELIVERIES, { query: { offset: 20, limit: 1 } });
    expect(second.body.data).toMatchObject({ limit: 1, offset: 20, hasMore: false });
    const listed = [...first.body.data.items, ...second.body.data.items].map(({ id }) => id);
    expect(listed).toEqual(ids);
  });

  test("200: of one endpoint alone; an endpoint that is unknown has none", async () => {
    api.worker.pause();
    const one = await makeEndpoint(us, receiver.url);
    const other = await makeEndpoint(us, receiver.url);
    const deliveryId = await publish(us, one.id);
    await publish(us, other.id);
    const listed = await us.ask("GET", DELIVERIES, { query: { endpointId: one.id } });
    expect(listed.body.data.items.map(({ id }: { id: string }) => id)).toEqual([deliveryId]);
    for (const endpointId of [UNKNOWN_ID, "not-a-uuid"]) {
      const { status, body } = await us.ask("GET", DELIVERIES, { query: { endpointId } });
      expect({ status, data: body.data }).toEqual({
        status: 200,
        data: { items: [], limit: 20, offset: 0, hasMore: false },
      });
    }
  });

  test("200: query parameters that the contract does not name are passed over, on both lists", async () => {
    api.worker.pause();
    const endpoint = await makeEndpoint(us, receiver.url);
    const deliveryId = await publish(us, endpoint.id);
    const deliveries = await us.ask("GET", DELIVERIES, { query: { status: "failure" } });
    expect(deliveries.body.data.items).toMatchObject([{ id: deliveryId }]);
    const endpoints = await us.ask("GET", ENDPOINTS, { query: { status: "disabled" } });
    expect(endpoints.body.data.items).toMatchObject([{ id: endpoint.id }]);
  });

  test("200: without what was skipped beyond the quota", async () => {
    const endpoint = await makeEndpoint(us, receiver.url);
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    await publish(us, endpoint.id);
    expect((await us.ask("GET", "/v1/deliveries")).body.data).toMatchObject([{ state: "skipped" }]);
    expect((await us.ask("GET", DELIVERIES)).body.data.items).toEqual([]);
  });

  test.each([
    { query: { limit: 0 }, field: "limit" },
    { query: { limit: 101 }, field: "limit" },
    { query: { limit: "many" }, field: "limit" },
    { query: { offset: -1 }, field: "offset" },
    { query: { offset: 1.5 }, field: "offset" },
    { query: { offset: 100_001 }, field: "offset" },
  ])("400 for $query, naming the field", async ({ query, field }) => {
    const { status, body } = await us.ask("GET", DELIVERIES, { query });
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        code: 400,
        message: expect.stringMatching(new RegExp(`^${field} `)),
        requestId: expect.stringMatching(/^req_/),
        details: [{ field, message: expect.any(String) }],
      },
    });
  });
});

describe("POST deliveries/{id}/replay", () => {
  test.each(["failed", "retrying", "succeeded"] as const)("200 from %s: a new record", async (situation) => {
    const { endpoint, deliveryId } = await situations[situation]();
    const before = await readDelivery(us, deliveryId);
    receiver.answerWith(() => ({}));
    const { status, body } = await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ endpointId: endpoint.id, requestBody: { run: 1 }, retryCount: 0 });
    expect(body.data.id).not.toBe(deliveryId);
    await waitForStatus(us, body.data.id, "success");
    const [first, second] = receiver.requests;
    expect(second?.body).toEqual(first?.body);
    expect(second?.headers["homing-delivery-id"]).toBe(body.data.id);
    expect(await readDelivery(us, deliveryId)).toEqual(before);
  });

  test("200 from pending: both are sent", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    const { status, body } = await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`, { text: "{" });
    expect({ status, status_: body.data.status }).toEqual({ status: 200, status_: "pending" });
    api.worker.resume();
    await waitForStatus(us, deliveryId, "success");
    await waitForStatus(us, body.data.id, "success");
    expect(receiver.requests).toHaveLength(2);
  });

  test("200 twice: each makes a record", async () => {
    const { deliveryId } = await situations.succeeded();
    const replays = await Promise.all([1, 2].map(() => us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`)));
    expect(replays.map(({ status }) => status)).toEqual([200, 200]);
    expect(new Set([deliveryId, ...replays.map(({ body }) => body.data.id)]).size).toBe(3);
    await waitFor(() => receiver.requests.length === 3, { what: "both to be sent" });
  });

  test("200 for one that was skipped beyond the quota, once there is quota", async () => {
    const endpoint = await makeEndpoint(us, receiver.url);
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    const deliveryId = await publish(us, endpoint.id);
    expect((await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`)).status).toBe(402);
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 1 });
    const { status, body } = await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`);
    expect(status).toBe(200);
    await waitForStatus(us, body.data.id, "success");
    expect((await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`)).status).toBe(402);
  });

  test("400 when the endpoint is disabled, 404 when it is gone; nothing is made", async () => {
    const { endpoint, deliveryId } = await situations.failed();
    await us.ask("POST", `${ENDPOINTS}/${endpoint.id}/disable`);
    const disabled = await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`);
    expect({ status: disabled.status, message: disabled.body.message }).toEqual({
      status: 400,
      message: expect.stringMatching(/disabled/),
    });
    await us.ask("DELETE", `/v1/webhooks/${endpoint.id}`);
    expect((await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`)).status).toBe(404);
    expect((await us.ask("GET", DELIVERIES)).body.data.items).toHaveLength(1);
  });

  test("402 when the quota is used up; nothing is made", async () => {
    const { deliveryId } = await situations.failed();
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    const { status, body } = await us.ask("POST", `${DELIVERIES}/${deliveryId}/replay`);
    expect({ status, code: body.code }).toEqual({ status: 402, code: 402 });
    expect((await us.ask("GET", DELIVERIES)).body.data.items).toHaveLength(1);
  });

  test.each(["not-a-uuid", UNKNOWN_ID])("404 for %s", async (id) => {
    const { status, body } = await us.ask("POST", `${DELIVERIES}/${id}/replay`);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 404 });
  });
});

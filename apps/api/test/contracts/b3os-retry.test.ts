import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
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
import type { ContractAsked } from "./ask.js";
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

function retry(deliveryId: string, asked: ContractAsked = {}): Promise<Response> {
  return us.ask("POST", `${DELIVERIES}/${deliveryId}/retry`, asked);
}

/** Refused, and the delivery is as it was. */
async function expectRefused(deliveryId: string, status: number, message: RegExp): Promise<void> {
  const before = await us.ask("GET", `/v1/deliveries/${deliveryId}`);
  const { status: answered, body, headers } = await retry(deliveryId);
  expect({ answered, body }).toEqual({
    answered: status,
    body: { code: status, message: expect.stringMatching(message), requestId: headers["x-request-id"], details: [] },
  });
  expect((await us.ask("GET", `/v1/deliveries/${deliveryId}`)).body).toEqual(before.body);
}

const seriesOf = async (deliveryId: string): Promise<number> =>
  (await us.ask("GET", `/v1/deliveries/${deliveryId}`)).body.series;

describe("200", () => {
  test("requeues the same record of a failed delivery, which is sent again with a new series", async () => {
    const { deliveryId } = await situations.failed();
    receiver.answerWith(() => ({ status: 204 }));
    const { status, body, headers } = await retry(deliveryId);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json");
    expect(body).toEqual({
      code: 200,
      message: "success",
      requestId: headers["x-request-id"],
      data: expect.anything(),
    });
    expect(body.requestId).toMatch(/^req_/);
    expect(body.data.id).toBe(deliveryId);
    const [first, second] = await receiver.waitForRequests(2);
    expect(second?.headers["homing-delivery-id"]).toBe(deliveryId);
    expect(second?.body).toEqual(first?.body);
    await waitForStatus(us, deliveryId, "success");
    expect(await seriesOf(deliveryId)).toBe(2);
  });

  test("answers when it is queued, before any attempt, with what the last attempt left", async () => {
    const { endpoint, deliveryId } = await situations.failed();
    api.worker.pause();
    const { body } = await retry(deliveryId);
    expect(body.data).toEqual({
      id: deliveryId,
      endpointId: endpoint.id,
      organizationId: us.organizationId,
      eventType: "run.failed",
      status: "pending",
      retryCount: 0,
      maxRetries: 0,
      nextRetryAt: expect.stringMatching(TIME),
      requestBody: { run: 1 },
      requestHeaders: expect.objectContaining({ "x-b3os-signature": expect.stringMatching(/^[0-9a-f]{64}$/) }),
      responseStatus: 500,
      responseHeaders: expect.objectContaining({ "x-from": "receiver" }),
      responseBody: "answer 500",
      errorMessage: "responded 500",
      durationMs: expect.any(Number),
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
    });
    expect(receiver.requests).toHaveLength(1);
  });

  test("pulls a scheduled retry forward and opens a new series", async () => {
    const { deliveryId } = await situations.retrying();
    receiver.answerWith(() => ({}));
    const { status } = await retry(deliveryId);
    expect(status).toBe(200);
    await receiver.waitForRequests(2, 3_000);
    await waitForStatus(us, deliveryId, "success");
    expect(await seriesOf(deliveryId)).toBe(2);
  });

  test("a permanent refusal gets a new series", async () => {
    receiver.answerWith(() => ({ status: 404 }));
    const settings = { url: receiver.url, retry_policy: { delays_seconds: [60], final_statuses: [404] } };
    const { body: webhook } = await us.ask("POST", "/v1/webhooks", { json: settings });
    const deliveryId = await publish(us, webhook.id);
    await waitForStatus(us, deliveryId, "failure");
    receiver.answerWith(() => ({}));
    expect((await retry(deliveryId)).status).toBe(200);
    expect(await waitForStatus(us, deliveryId, "success")).toMatchObject({ maxRetries: 1, retryCount: 0 });
  });

  test("goes to the URL and with the secret that the endpoint has now", async () => {
    const { endpoint, deliveryId } = await situations.failed();
    const moved = await startReceiver();
    try {
      await us.ask("PATCH", `/v1/webhooks/${endpoint.id}`, { json: { url: moved.url } });
      await us.ask("POST", `${ENDPOINTS}/${endpoint.id}/regenerate-secret`);
      const signedBefore = receiver.requests[0]?.headers["x-b3os-signature"];
      await retry(deliveryId);
      const [request] = await moved.waitForRequests(1);
      expect(request?.headers["x-b3os-signature"]).toMatch(/^[0-9a-f]{64}$/);
      expect(request?.headers["x-b3os-signature"]).not.toBe(signedBefore);
      expect(receiver.requests).toHaveLength(1);
    } finally {
      await moved.close();
    }
  });

  test.each<{ name: string; asked: ContractAsked }>([
    { name: "no body and no Content-Type", asked: {} },
    { name: "an empty body with application/json", asked: { headers: { "Content-Type": "application/json" } } },
    { name: "a body without a Content-Type", asked: { text: '{"a":1}', contentType: null } },
    { name: "a body of another Content-Type", asked: { text: "a=1", contentType: "text/plain" } },
    { name: "malformed JSON", asked: { text: "{" } },
    { name: "JSON that is no object", asked: { json: null } },
  ])("$name: taken, the body is ignored", async ({ asked }) => {
    const { deliveryId } = await situations.failed();
    api.worker.pause();
    const { status, body } = await retry(deliveryId, asked);
    expect({ status, id: body.data.id }).toEqual({ status: 200, id: deliveryId });
  });
});

describe("400", () => {
  test("a delivery that succeeded, pointing to replay", async () => {
    const { deliveryId } = await situations.succeeded();
    await expectRefused(deliveryId, 400, new RegExp(`succeeded.*POST ${DELIVERIES}/${deliveryId}/replay$`));
    expect(receiver.requests).toHaveLength(1);
  });

  test("a delivery that is due, pointing to replay", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    await expectRefused(deliveryId, 400, new RegExp(`pending.*/deliveries/${deliveryId}/replay$`));
  });

  test("a delivery in flight, pointing to replay", async () => {
    const slow = await startSlowReceiver();
    try {
      const endpoint = await makeEndpoint(us, slow.url);
      const deliveryId = await publish(us, endpoint.id);
      await slow.waitForRequests(1);
      await expectRefused(deliveryId, 400, /pending.*\/replay$/);
      slow.release();
      await waitForStatus(us, deliveryId, "success");
      expect(slow.requests).toHaveLength(1);
    } finally {
      await slow.close();
    }
  });

  test("a delivery that waits for the release of what its endpoint held", async () => {
    const { endpoint, deliveryId } = await makeHeld();
    await us.ask("POST", `${ENDPOINTS}/${endpoint}/enable`);
    await expectRefused(deliveryId, 400, /pending.*\/replay$/);
  });

  test("a delivery that was called off, pointing to replay", async () => {
    const { deliveryId } = await makeDue(api, us, receiver.url);
    await us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
    await expectRefused(deliveryId, 400, /cancelled.*\/replay$/);
  });

  test("a delivery whose endpoint is disabled", async () => {
    const { endpoint, deliveryId } = await situations.failed();
    await us.ask("POST", `${ENDPOINTS}/${endpoint.id}/disable`);
    await expectRefused(deliveryId, 400, /disabled/);
  });
});

describe("402", () => {
  test("out of quota: nothing is queued; with quota again it is", async () => {
    const { deliveryId } = await situations.failed();
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    await expectRefused(deliveryId, 402, /quota/);
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: null });
    expect((await retry(deliveryId)).status).toBe(200);
  });
});

describe("404", () => {
  test.each(["not-a-uuid", "12", "%00", "evt_01JBAAAA000000000000000000"])("a malformed id: %s", async (id) => {
    const { status, body } = await retry(id);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 404 });
  });

  test("an unknown id", async () => {
    const { status, body, headers } = await retry(UNKNOWN_ID);
    const message = "There is no such delivery.";
    expect({ status, body }).toEqual({
      status: 404,
      body: { code: 404, message, requestId: headers["x-request-id"], details: [] },
    });
  });

  test("another organization's id, to which nothing happens", async () => {
    const { deliveryId } = await situations.failed();
    const others = await api.createOrganization();
    const { status, body } = await others.ask("POST", `${DELIVERIES}/${deliveryId}/retry`);
    expect({ status, message: body.message }).toEqual({ status: 404, message: "There is no such delivery." });
    expect(await readDelivery(us, deliveryId)).toMatchObject({ status: "failure" });
  });

  test("a delivery whose endpoint was archived", async () => {
    const { endpoint, deliveryId } = await situations.failed();
    await us.ask("DELETE", `/v1/webhooks/${endpoint.id}`);
    await expectRefused(deliveryId, 404, /endpoint does not exist/);
  });

  test("a delivery that was skipped beyond the quota: the contract shows none", async () => {
    const endpoint = await makeEndpoint(us, receiver.url);
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    const deliveryId = await publish(us, endpoint.id);
    await expectRefused(deliveryId, 404, /no such delivery/);
  });
});

describe("413", () => {
  test("a body that is too large, though it would be ignored", async () => {
    const { deliveryId } = await situations.failed();
    const { status, body } = await retry(deliveryId, { text: `"${"a".repeat(256 * 1024)}"` });
    expect({ status, code: body.code }).toEqual({ status: 413, code: 413 });
    expect(await readDelivery(us, deliveryId)).toMatchObject({ status: "failure" });
  });
});

describe("retries that race", () => {
  test("two at once: one 200, one 400, one attempt", async () => {
    const { deliveryId } = await situations.failed();
    receiver.answerWith(() => ({}));
    const answers = await Promise.all([retry(deliveryId), retry(deliveryId)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect(answers.find(({ status }) => status === 400)?.body.message).toMatch(/replay/);
    await waitForStatus(us, deliveryId, "success");
    expect(receiver.requests).toHaveLength(2);
    expect(await seriesOf(deliveryId)).toBe(2);
  });

  test("ten at once: one wins, though the attempt fails at once", async () => {
    const { deliveryId } = await situations.failed();
    const answers = await Promise.all(Array.from({ length: 10 }, () => retry(deliveryId)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(9);
    await waitForStatus(us, deliveryId, "failure");
    expect(receiver.requests).toHaveLength(2);
  });

  test("one after another: each that finds it failed opens a series", async () => {
    const { deliveryId } = await situations.failed();
    for (const series of [2, 3]) {
      expect((await retry(deliveryId)).status).toBe(200);
      await receiver.waitForRequests(series);
      await waitForStatus(us, deliveryId, "failure");
      expect(await seriesOf(deliveryId)).toBe(series);
    }
  });
});

async function makeHeld(): Promise<{ endpoint: string; deliveryId: string }> {
  const { id: endpoint } = await makeEndpoint(us, receiver.url);
  await us.ask("POST", `${ENDPOINTS}/${endpoint}/disable`);
  return { endpoint, deliveryId: await publish(us, endpoint) };
}

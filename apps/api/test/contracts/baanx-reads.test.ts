import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { uuidTime } from "@homing/db/week";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { waitFor } from "@homing/local/wait-for";
import { v7 as uuidv7 } from "uuid";
import { UNKNOWN_ID } from "../native/fixtures.js";
import {
  createReceivers,
  deliveredEvent,
  deliveriesOf,
  publishEvent,
  retry,
  waitForAttempts,
  webhookAt,
} from "./baanx-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";

const MILLISECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const receivers = createReceivers();

let api: ContractApi;

beforeAll(async () => {
  api = await startContractApi();
});
afterAll(async () => {
  await api.stop();
  await receivers.closeAll();
});

async function statusOf(organization: ContractOrganization, eventId: string): Promise<string> {
  const { status, body } = await organization.ask("GET", `/v1/webhooks/events/${eventId}/status`);
  expect(status).toBe(200);
  return body.status;
}

/** An event whose only receiver answers so, once it was tried. */
async function eventTried(organization: ContractOrganization, status: number, settings: object = {}): Promise<string> {
  await webhookAt(organization, await receivers.start(() => ({ status, body: `said ${status}` })), settings);
  const eventId = await publishEvent(organization);
  await waitFor(async () => (await deliveriesOf(api, eventId))[0]?.attemptsTotal === 1, { what: "the first attempt" });
  return eventId;
}

async function withWorkerPaused(steps: () => Promise<void>): Promise<void> {
  api.worker.pause();
  try {
    await steps();
  } finally {
    api.worker.resume();
  }
}

describe("GET /v1/webhooks/events/{eventId}/status", () => {
  test("queuedAt is when its first delivery was made, also after it was sent again", async () => {
    const us = await api.createOrganization();
    const { eventId } = await deliveredEvent(api, us, await receivers.start());
    const [first] = await deliveriesOf(api, eventId);
    const queuedAt = uuidTime(first?.id ?? "").toISOString();
    const replay = await us.ask("POST", `/v1/execution-webhooks/deliveries/${first?.id}/replay`);
    expect(replay.status).toBe(200);
    const id = uuidv7({ msecs: Date.now() + 60_000 });
    await api.db.delivery.update({ where: { id: replay.body.data.id }, data: { id } });
    const { body } = await us.ask("GET", "/v1/webhooks/events");
    expect(body.events).toMatchObject([{ id: eventId, queuedAt }]);
  });

  test("is pending while the event is queued, and completed once it was delivered", async () => {
    const us = await api.createOrganization();
    await webhookAt(us, await receivers.start());
    let eventId = "";
    await withWorkerPaused(async () => {
      eventId = await publishEvent(us);
      const { body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/status`);
      expect(body).toEqual({
        id: eventId,
        eventId,
        status: "pending",
        eventType: "invoice.paid",
        createdAt: expect.stringMatching(MILLISECONDS),
        processedAt: null,
      });
    });
    await waitForAttempts(api, eventId, 1);
    const { body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/status`);
    expect(body).toMatchObject({ status: "completed", processedAt: expect.stringMatching(MILLISECONDS) });
  });

  test("is processing while a request is out", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start();
    const open = holdAnswers(receiver);
    await webhookAt(us, receiver);
    const eventId = await publishEvent(us);
    await receiver.waitForRequests(1);
    expect(await statusOf(us, eventId)).toBe("processing");
    open();
    await waitForAttempts(api, eventId, 1);
    expect(await statusOf(us, eventId)).toBe("completed");
  });

  test("is processing while a retry is scheduled", async () => {
    const us = await api.createOrganization();
    expect(await statusOf(us, await eventTried(us, 500, { retry_policy: { delays_seconds: [3_600] } }))).toBe(
      "processing",
    );
  });

  test("is failed when one of its deliveries failed, and completed once a retry got through", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start(() => ({ status: 500 }));
    await webhookAt(us, receiver);
    await webhookAt(us, await receivers.start());
    const eventId = await publishEvent(us);
    await waitForAttempts(api, eventId, 2);
    expect(await statusOf(us, eventId)).toBe("failed");
    receiver.answerWith(() => ({}));
    await retry(us, eventId);
    await waitForAttempts(api, eventId, 4);
    expect(await statusOf(us, eventId)).toBe("completed");
  });

  test("is failed when its delivery was cancelled", async () => {
    const us = await api.createOrganization();
    await webhookAt(us, await receivers.start());
    await withWorkerPaused(async () => {
      const eventId = await publishEvent(us);
      const [delivery] = await deliveriesOf(api, eventId);
      await us.ask("POST", `/v1/deliveries/${delivery?.id}/cancel`);
      expect(await statusOf(us, eventId)).toBe("failed");
    });
  });

  test("is pending while its webhook is disabled", async () => {
    const us = await api.createOrganization();
    const webhookId = await webhookAt(us, await receivers.start());
    await us.ask("POST", `/v1/webhooks/${webhookId}/disable`);
    expect(await statusOf(us, await publishEvent(us))).toBe("pending");
  });

  test("is skipped when no webhook was to get it, or the quota was used up", async () => {
    const us = await api.createOrganization();
    const unheard = await publishEvent(us);
    const { body } = await us.ask("GET", `/v1/webhooks/events/${unheard}/status`);
    expect(body).toMatchObject({ status: "skipped", processedAt: body.createdAt });
    await webhookAt(us, await receivers.start());
    await setDeliveryQuota(api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    expect(await statusOf(us, await publishEvent(us))).toBe("skipped");
  });

  test.each(["status", "logs"])("an unknown event has no %s", async (what) => {
    const us = await api.createOrganization();
    const unknown = await us.ask("GET", `/v1/webhooks/events/${UNKNOWN_ID}/${what}`);
    expect([unknown.status, unknown.body]).toEqual([404, { message: "Event not found" }]);
    const malformed = await us.ask("GET", `/v1/webhooks/events/7/${what}`);
    expect([malformed.status, malformed.body]).toEqual([400, { message: "eventId must be a valid UUID" }]);
  });
});

describe("GET /v1/webhooks/events", () => {
  test("lists the newest events and says how many there are", async () => {
    const us = await api.createOrganization();
    const first = await publishEvent(us, { attributes: { tenant: "acme", userId: "user-123", sourceService: "kyc" } });
    const second = await publishEvent(us, { payload: { n: 1 } });
    const { body } = await us.ask("GET", "/v1/webhooks/events");
    expect(body.total).toBe(2);
    expect(body.events.map(({ id }: { id: string }) => id)).toEqual([second, first]);
    expect(body.events[1]).toEqual({
      id: first,
      eventId: first,
      tenant: "acme",
      eventType: "invoice.paid",
      payload: { a: 1 },
      userId: "user-123",
      sourceService: "kyc",
      status: "skipped",
      createdAt: expect.stringMatching(MILLISECONDS),
      processedAt: expect.stringMatching(MILLISECONDS),
      queuedAt: null,
    });
    expect(body.events[0]).toMatchObject({ tenant: us.organizationId, userId: null, sourceService: null });
    const one = await us.ask("GET", "/v1/webhooks/events", { query: { limit: 1 } });
    expect(one.body).toMatchObject({ total: 2, events: [{ id: second }] });
  });

  test("of one status, the total counts those alone", async () => {
    const us = await api.createOrganization();
    await publishEvent(us);
    const failed = [await eventTried(us, 500), await publishEvent(us)];
    await waitForAttempts(api, failed[1] ?? "", 1);
    const { body } = await us.ask("GET", "/v1/webhooks/events", { query: { status: "failed", limit: 1 } });
    expect(body).toMatchObject({
      total: 2,
      events: [{ id: failed[1], status: "failed", queuedAt: expect.stringMatching(MILLISECONDS) }],
    });
    expect((await us.ask("GET", "/v1/webhooks/events", { query: { status: "completed" } })).body).toEqual({
      total: 0,
      events: [],
    });
  });

  test("numbers that no double can hold are as they were published", async () => {
    const us = await api.createOrganization();
    const text = '{"type":"invoice.paid","payload":{"n":12345678901234567890.10}}';
    await us.ask("POST", "/v1/events", { text });
    expect((await us.ask("GET", "/v1/webhooks/events")).text).toContain('{"n":12345678901234567890.10}');
  });

  test.each([
    { query: { status: "done" }, message: /^status must be one of/ },
    { query: { limit: 0 }, message: /^limit must be/ },
    { query: { limit: 101 }, message: /^limit must be/ },
    { query: { limit: "x" }, message: /^limit must be/ },
  ])("$query is refused", async ({ query, message }) => {
    const us = await api.createOrganization();
    const { status, body } = await us.ask("GET", "/v1/webhooks/events", { query });
    expect({ status, body }).toEqual({ status: 400, body: { message: expect.stringMatching(message) } });
  });
});

describe("logs", () => {
  test("an event's logs tell of every attempt, newest first, and of the event", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start((_request, count) => ({
      status: count === 1 ? 500 : 200,
      body: `answer ${count}`,
    }));
    const webhookId = await webhookAt(us, receiver, { signature_formats: ["baanx"], headers: { "x-token": "t" } });
    const eventId = await publishEvent(us);
    await waitForAttempts(api, eventId, 1);
    await retry(us, eventId);
    await waitForAttempts(api, eventId, 2);
    const { body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/logs`);
    expect(body.event).toMatchObject({ id: eventId, status: "completed" });
    expect(body.logs).toEqual([
      expect.objectContaining({ attemptNumber: 2, deliveryStatus: "success", responseStatus: 200, errorMessage: null }),
      {
        id: expect.any(String),
        eventId,
        webhookId,
        attemptNumber: 1,
        requestUrl: receiver.url,
        requestHeaders: expect.objectContaining({
          "X-Signature": receiver.requests[0]?.headers["x-signature"],
          "x-token": "[redacted]",
        }),
        requestBody: { a: 1 },
        responseStatus: 500,
        responseBody: "answer 1",
        errorMessage: "Webhook responded with status 500",
        deliveryStatus: "failed",
        durationMs: expect.any(Number),
        createdAt: expect.stringMatching(MILLISECONDS),
        nextRetryAt: null,
      },
    ]);
  });

  test("the last attempt of a schedule that goes on tells when the next is", async () => {
    const us = await api.createOrganization();
    const eventId = await eventTried(us, 500, { retry_policy: { delays_seconds: [3_600], jitter: 0 } });
    const { body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/logs`);
    expect(body.logs).toHaveLength(1);
    const [{ deliveryStatus, nextRetryAt, createdAt }] = body.logs;
    expect(deliveryStatus).toBe("failed");
    expect(nextRetryAt).toMatch(MILLISECONDS);
    // From when the answer was written down; the attempt's time is that of its request.
    const pauseMs = Date.parse(nextRetryAt) - Date.parse(createdAt);
    expect(pauseMs).toBeGreaterThanOrEqual(3_600_000);
    expect(pauseMs).toBeLessThan(3_660_000);
  });

  test("an attempt that is due is pending, one whose request is out is processing", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start();
    const open = holdAnswers(receiver);
    await webhookAt(us, receiver);
    let eventId = "";
    const logs = async () => (await us.ask("GET", `/v1/webhooks/events/${eventId}/logs`)).body.logs;
    await withWorkerPaused(async () => {
      eventId = await publishEvent(us);
      expect(await logs()).toEqual([
        expect.objectContaining({
          attemptNumber: 1,
          deliveryStatus: "pending",
          responseStatus: null,
          durationMs: null,
        }),
      ]);
    });
    await receiver.waitForRequests(1);
    expect(await logs()).toEqual([expect.objectContaining({ attemptNumber: 1, deliveryStatus: "processing" })]);
    open();
    await waitForAttempts(api, eventId, 1);
    expect(await logs()).toEqual([expect.objectContaining({ attemptNumber: 1, deliveryStatus: "success" })]);
  });

  test("a receiver that cannot be reached left no response, but an error", async () => {
    const us = await api.createOrganization();
    const gone = await receivers.start();
    await gone.close();
    await webhookAt(us, gone);
    const eventId = await publishEvent(us);
    await waitForAttempts(api, eventId, 1);
    const { body } = await us.ask("GET", `/v1/webhooks/events/${eventId}/logs`);
    expect(body.logs).toEqual([
      expect.objectContaining({
        responseStatus: null,
        responseBody: null,
        durationMs: null,
        errorMessage: expect.stringMatching(/./),
      }),
    ]);
  });

  test("a webhook's logs are the newest attempts of all its events, and no other webhook's", async () => {
    const us = await api.createOrganization();
    const { webhookId, eventId } = await deliveredEvent(api, us, await receivers.start());
    const otherId = await webhookAt(us, await receivers.start());
    const second = await publishEvent(us);
    await waitForAttempts(api, second, 2);
    await retry(us, eventId, { json: { webhookId } });
    await waitForAttempts(api, eventId, 2);
    const { body } = await us.ask("GET", `/v1/webhooks/${webhookId}/logs`);
    const seen = body.logs.map((log: Record<string, unknown>) => [log["eventId"], log["attemptNumber"]]);
    expect({ count: body.count, seen }).toEqual({
      count: 3,
      seen: [
        [eventId, 2],
        [second, 1],
        [eventId, 1],
      ],
    });
    const one = await us.ask("GET", `/v1/webhooks/${webhookId}/logs`, { query: { limit: 1 } });
    expect(one.body).toMatchObject({ count: 1, logs: [{ eventId, attemptNumber: 2 }] });
    expect((await us.ask("GET", `/v1/webhooks/${otherId}/logs`)).body.count).toBe(1);
  });

  test("an unknown webhook has no logs, and what is no UUID names none", async () => {
    const us = await api.createOrganization();
    const unknown = await us.ask("GET", `/v1/webhooks/${UNKNOWN_ID}/logs`);
    expect([unknown.status, unknown.body]).toEqual([404, { message: "Webhook not found" }]);
    const malformed = await us.ask("GET", "/v1/webhooks/events/logs");
    expect([malformed.status, malformed.body]).toEqual([400, { message: "id must be a valid UUID" }]);
  });
});

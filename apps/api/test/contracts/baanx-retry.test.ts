import { createHmac } from "node:crypto";
import { formatEventId } from "@homing/core/events/event-id";
import { retryEvent } from "@homing/core/events/retry-event";
import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { UNKNOWN_ID } from "../native/fixtures.js";
import {
  createReceivers,
  deliveredEvent,
  deliveriesOf,
  publishEvent,
  queuedFor,
  retry,
  waitForAttempts,
  webhookAt,
} from "./baanx-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";

const receivers = createReceivers();

let api: ContractApi;

beforeAll(async () => {
  api = await startContractApi();
});
afterAll(async () => {
  await api.stop();
  await receivers.closeAll();
});

/** An organization and an event that its receiver got. */
async function delivered() {
  const us = await api.createOrganization();
  const receiver = await receivers.start();
  return { us, receiver, ...(await deliveredEvent(api, us, receiver)) };
}

async function switchWebhook(organization: ContractOrganization, webhookId: string, action: "enable" | "disable") {
  expect((await organization.ask("POST", `/v1/webhooks/${webhookId}/${action}`)).status).toBe(200);
}

async function archive(organization: ContractOrganization, webhookId: string) {
  expect((await organization.ask("DELETE", `/v1/webhooks/${webhookId}`)).status).toBeLessThan(300);
}

describe("200", () => {
  test.each([
    { name: "without body and Content-Type", asked: {} },
    { name: "with an empty body of application/json", asked: { headers: { "Content-Type": "application/json" } } },
    { name: "with an empty object", asked: { json: {} } },
    { name: "with a webhookId that is null", asked: { json: { webhookId: null } } },
    { name: "with members that nobody knows", asked: { json: { reason: "why not" } } },
  ])("$name, an event that was delivered is sent again as the same record", async ({ asked }) => {
    const { us, receiver, eventId } = await delivered();
    const [before] = await deliveriesOf(api, eventId);
    const answer = await retry(us, eventId, asked);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.body).toEqual(queuedFor(eventId, 1));
    const [after] = await waitForAttempts(api, eventId, 2);
    expect(after).toMatchObject({ id: before?.id, series: 2, attemptsTotal: 2, state: "succeeded" });
    expect(receiver.requests).toHaveLength(2);
    expect(receiver.requests[1]?.body).toEqual(receiver.requests[0]?.body);
  });

  test("an event goes to every active webhook that matches, each once", async () => {
    const { us, receiver, eventId } = await delivered();
    const later = await receivers.start();
    const laterId = await webhookAt(us, later, { event_types: ["invoice.*"] });
    const other = await receivers.start();
    await webhookAt(us, other, { event_types: ["user.created"] });
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 2));
    const deliveries = await waitForAttempts(api, eventId, 3);
    expect(deliveries).toHaveLength(2);
    expect(deliveries[1]).toMatchObject({ webhookId: laterId, series: 1, attemptsTotal: 1, state: "succeeded" });
    const id = formatEventId(eventId);
    expect([...receiver.requests, ...later.requests].map(({ headers }) => headers["webhook-id"])).toEqual([id, id, id]);
    expect(other.requests).toHaveLength(0);
  });

  test("a named webhook gets the event alone, whatever its patterns", async () => {
    const { us, receiver, eventId } = await delivered();
    const other = await receivers.start();
    const otherId = await webhookAt(us, other, { event_types: ["user.created"] });
    const answer = await retry(us, eventId, { json: { webhookId: otherId.toUpperCase() } });
    expect(answer.body).toEqual(queuedFor(eventId, 1));
    await waitForAttempts(api, eventId, 2);
    expect(other.requests).toHaveLength(1);
    expect(receiver.requests).toHaveLength(1);
  });

  test("the event's id may be spelt as the native API spells it, and is answered so", async () => {
    const { us, eventId } = await delivered();
    const spelt = formatEventId(eventId);
    expect((await retry(us, spelt)).body).toEqual(queuedFor(spelt, 1));
    await waitForAttempts(api, eventId, 2);
  });

  test.each([
    { name: "exhausted", policy: { delays_seconds: [] }, status: 500 },
    { name: "refused for good", policy: "baanx", status: 404 },
    { name: "scheduled for tomorrow", policy: { delays_seconds: [86_400] }, status: 500 },
  ])("a delivery that is $name is sent now, in a new series", async ({ policy, status }) => {
    const us = await api.createOrganization();
    const receiver = await receivers.start(() => ({ status }));
    await webhookAt(us, receiver, { retry_policy: policy });
    const eventId = await publishEvent(us);
    await waitFor(async () => (await deliveriesOf(api, eventId))[0]?.attemptsTotal === 1, {
      what: "the first attempt",
    });
    receiver.answerWith(() => ({}));
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 1));
    const [delivery] = await waitForAttempts(api, eventId, 2);
    expect(delivery).toMatchObject({ series: 2, attemptsTotal: 2, state: "succeeded" });
  });

  test("a delivery that is in flight counts and gets no second attempt", async () => {
    const us = await api.createOrganization();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const receiver = await receivers.start(async () => {
      await gate;
      return {};
    });
    await webhookAt(us, receiver);
    const eventId = await publishEvent(us);
    await receiver.waitForRequests(1);
    const answers = [await retry(us, eventId), await retry(us, eventId)];
    expect(answers.map(({ body }) => body)).toEqual([queuedFor(eventId, 1), queuedFor(eventId, 1)]);
    open();
    const [delivery] = await waitForAttempts(api, eventId, 1);
    expect(delivery).toMatchObject({ series: 1, attemptsTotal: 1, state: "succeeded" });
    expect(receiver.requests).toHaveLength(1);
  });

  test("a delivery that waits for its first attempt counts and gets no second one", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start();
    await webhookAt(us, receiver);
    api.worker.pause();
    const eventId = await publishEvent(us);
    const hintsBefore = api.hints.length;
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 1));
    expect((await deliveriesOf(api, eventId))[0]).toMatchObject({ series: 1, state: "pending" });
    expect(api.hints).toHaveLength(hintsBefore);
    api.worker.resume();
    const [delivery] = await waitForAttempts(api, eventId, 1);
    expect(delivery).toMatchObject({ series: 1, attemptsTotal: 1, state: "succeeded" });
  });

  test("webhooks that are disabled or archived are passed over; with no other it is sent to none", async () => {
    const { us, receiver, webhookId, eventId } = await delivered();
    const archived = await receivers.start();
    await archive(us, await webhookAt(us, archived));
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 1));
    await waitForAttempts(api, eventId, 2);
    await switchWebhook(us, webhookId, "disable");
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 0));
    expect((await deliveriesOf(api, eventId)).map(({ series }) => series)).toEqual([2]);
    expect([receiver.requests.length, archived.requests.length]).toEqual([2, 0]);
  });

  test("the webhook's present URL is used", async () => {
    const { us, receiver, webhookId, eventId } = await delivered();
    const moved = await receivers.start();
    await us.ask("PATCH", `/v1/webhooks/${webhookId}`, { json: { url: moved.url } });
    await retry(us, eventId);
    await waitForAttempts(api, eventId, 2);
    expect([receiver.requests.length, moved.requests.length]).toEqual([1, 1]);
  });

  test("the webhook's present secret signs, in the headers of Baanx", async () => {
    const us = await api.createOrganization();
    const receiver = await receivers.start();
    const webhookId = await webhookAt(us, receiver, { signature_formats: ["baanx"] });
    const eventId = await publishEvent(us);
    await waitForAttempts(api, eventId, 1);
    const { body } = await us.ask("POST", `/v1/webhooks/${webhookId}/rotate_secret`);
    await retry(us, eventId);
    await waitForAttempts(api, eventId, 2);
    const request = receiver.requests[1];
    const timestamp = String(request?.headers["x-timestamp"]);
    const signature = createHmac("sha256", body.secret)
      .update(`${timestamp}.`)
      .update(request?.body ?? "")
      .digest("hex");
    expect(request?.headers["x-signature"]).toBe(signature);
  });
});

describe("400", () => {
  test.each(["1", "550e8400-e29b-41d4-a716", "evt_1", `${UNKNOWN_ID}x`])("the event's id %j", async (eventId) => {
    const us = await api.createOrganization();
    const { status, body } = await retry(us, eventId);
    expect({ status, body }).toEqual({ status: 400, body: { message: "eventId must be a valid UUID" } });
  });

  test.each(["", "x", 1, true, [], {}, `${UNKNOWN_ID} `])("the webhookId %j", async (webhookId) => {
    const { us, eventId } = await delivered();
    const { status, body } = await retry(us, eventId, { json: { webhookId } });
    expect({ status, body }).toEqual({ status: 400, body: { message: "webhookId must be a valid UUID" } });
    expect((await deliveriesOf(api, eventId)).map(({ series }) => series)).toEqual([1]);
  });

  const wrongType = "Content-Type must be application/json";
  test.each([
    { name: "a body without Content-Type", asked: { text: "{}", contentType: null }, message: wrongType },
    {
      name: "a form",
      asked: { text: "a=1", contentType: "application/x-www-form-urlencoded" },
      message: wrongType,
    },
    { name: "text", asked: { text: "{}", contentType: "text/plain" }, message: wrongType },
    { name: "half an object", asked: { text: '{"webhookId":' }, message: "Invalid JSON body" },
    {
      name: "a body in an unknown encoding",
      asked: { text: "{}", headers: { "Content-Encoding": "rot13" } },
      message: "The content encoding is none of gzip, deflate, br, identity.",
    },
    { name: "null", asked: { text: "null" }, message: "Request body must be of type object" },
    { name: "an array", asked: { json: [] }, message: "Request body must be of type object" },
  ])("$name", async ({ asked, message }) => {
    const us = await api.createOrganization();
    const { status, body } = await retry(us, UNKNOWN_ID, asked);
    expect({ status, body }).toEqual({ status: 400, body: { message } });
  });

  test("a named webhook that is disabled", async () => {
    const { us, webhookId, eventId } = await delivered();
    await switchWebhook(us, webhookId, "disable");
    const { status, body } = await retry(us, eventId, { json: { webhookId } });
    expect({ status, body }).toEqual({ status: 400, body: { message: "Webhook is not active" } });
  });
});

test.each([undefined, "Bearer", "Bearer nobody", "Basic eDp5"])(
  "401 with the credentials %j",
  async (authorization) => {
    const headers = authorization === undefined ? {} : { Authorization: authorization };
    const answer = await api.ask("POST", `/v1/webhooks/events/${UNKNOWN_ID}/retry`, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.body).toEqual({ message: "Not authenticated" });
  },
);

describe("403", () => {
  test("a key without the scope", async () => {
    const { us, eventId } = await delivered();
    const reader = await api.createKey(us, { scopes: ["events:read", "deliveries:read"] });
    const { status, body } = await retry(reader, eventId);
    expect({ status, body }).toEqual({ status: 403, body: { message: "Not authorized" } });
  });

  test("an organization without quota: nothing is queued, nor made for a webhook that came later", async () => {
    const { us, eventId } = await delivered();
    await webhookAt(us, await receivers.start());
    const { organizationId } = us;
    await setDeliveryQuota(api, { organizationId, deliveriesPerMonth: 0 });
    const refused = await retry(us, eventId);
    expect({ status: refused.status, body: refused.body }).toEqual({
      status: 403,
      body: { message: "The delivery quota is used up" },
    });
    expect((await deliveriesOf(api, eventId)).map(({ series }) => series)).toEqual([1]);
    await setDeliveryQuota(api, { organizationId, deliveriesPerMonth: 10 });
    expect((await retry(us, eventId)).body).toEqual(queuedFor(eventId, 2));
    await waitForAttempts(api, eventId, 3);
  });
});

describe("404", () => {
  test.each(["unknown", "another organization's"])("an event that is %s", async (whose) => {
    const { eventId } = await delivered();
    const us = await api.createOrganization();
    const { status, body } = await retry(us, whose === "unknown" ? UNKNOWN_ID : eventId);
    expect({ status, body }).toEqual({ status: 404, body: { message: "Event not found" } });
  });

  test.each(["unknown", "another organization's", "archived"])("a named webhook that is %s", async (which) => {
    const { us, webhookId, eventId } = await delivered();
    const theirs = await delivered();
    await archive(us, webhookId);
    const names = { unknown: UNKNOWN_ID, archived: webhookId };
    const named = which === "unknown" || which === "archived" ? names[which] : theirs.webhookId;
    const { status, body } = await retry(us, eventId, { json: { webhookId: named } });
    expect({ status, body }).toEqual({ status: 404, body: { message: "Webhook not found" } });
  });

  test("a path without a route", async () => {
    const us = await api.createOrganization();
    const { status, body } = await us.ask("POST", `/v1/webhooks/events/${UNKNOWN_ID}/again`);
    expect({ status, body }).toEqual({ status: 404, body: { message: "Not found" } });
  });
});

test("405 for another method, with those that the path takes", async () => {
  const us = await api.createOrganization();
  const { status, body, headers } = await us.ask("PUT", `/v1/webhooks/events/${UNKNOWN_ID}/retry`);
  expect({ status, body, allow: headers["allow"] }).toEqual({
    status: 405,
    body: { message: "Method not allowed" },
    allow: "OPTIONS, POST",
  });
});

test("413 for a body that is too large", async () => {
  const us = await api.createOrganization();
  const { status, body } = await retry(us, UNKNOWN_ID, { json: { a: "x".repeat(300_000) } });
  expect({ status, body }).toEqual({ status: 413, body: { message: "Request body is too large" } });
});

test("twenty retries at once are all answered alike and make one attempt for each webhook, one delivery for a new one", async () => {
  const { us, receiver, eventId } = await delivered();
  const later = await receivers.start();
  await webhookAt(us, later);
  // Nobody's attempt is over before all have asked: a retry that comes after it is another one.
  const open = holdAnswers(receiver, later);
  const answers = await Promise.all(Array.from({ length: 20 }, () => retry(us, eventId)));
  open();
  expect(answers.map(({ body }) => body)).toEqual(answers.map(() => queuedFor(eventId, 2)));
  const deliveries = await waitForAttempts(api, eventId, 3);
  expect(deliveries.map(({ series, attemptsTotal }) => ({ series, attemptsTotal }))).toEqual([
    { series: 2, attemptsTotal: 2 },
    { series: 1, attemptsTotal: 1 },
  ]);
  expect([receiver.requests.length, later.requests.length]).toEqual([2, 1]);
});

test("retries that came in together make one attempt, also when it is over before the last of them is looked at", async () => {
  const { us, eventId } = await delivered();
  await webhookAt(us, await receivers.start());
  const request = { organizationId: us.organizationId, eventId, webhookId: null, receivedAtMs: performance.now() };
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => retryEvent(api.context, request)));
  expect(outcomes).toEqual(outcomes.map(() => ({ outcome: "queued", webhooks: 2 })));
  const deliveries = await waitForAttempts(api, eventId, 3);
  expect(deliveries.map(({ series }) => series)).toEqual([2, 1]);
});

import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { publish } from "../native/fixtures.js";
import { snapshot } from "../native/snapshot.js";
import type { ContractOrganization } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";
import {
  eventOf,
  expectError,
  makeWebhook,
  type MadeWebhook,
  publishTo,
  RETRY,
  rowOf,
  startTheirstack,
  type Theirstack,
  UNKNOWN_NUMBER,
  waitForStatus,
} from "./theirstack-fixtures.js";

let all: Theirstack;
let us: ContractOrganization;
let webhook: MadeWebhook;

beforeAll(async () => {
  all = await startTheirstack();
});
afterAll(() => all.stop());
beforeEach(async () => {
  all.receiver.answerWith(() => ({}));
  us = await all.api.createOrganization();
  webhook = await makeWebhook(us, { url: all.receiver.url });
});

function retry(numbers: readonly unknown[], by = us): Promise<Response> {
  return by.ask("POST", RETRY, { json: { webhook_event_ids: numbers } });
}

/** A delivery whose first attempt failed: its retry is an hour away. */
async function failedOnce(): Promise<number> {
  all.receiver.answerWith(() => ({ status: 500 }));
  const number = await publishTo(us, webhook);
  await waitForStatus(us, webhook, number, "FAILED");
  all.receiver.answerWith(() => ({}));
  return number;
}

/** Fails unless the answer is the literal `null`. */
function expectNull(answer: Response): void {
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: "null" });
}

/** Fails unless a request is refused and writes nothing. */
async function expectNothingWritten(ask: () => Promise<Response>, status: number, code: string): Promise<string> {
  const before = await snapshot(all.api.db);
  const description = expectError(await ask(), status, code);
  expect(await snapshot(all.api.db)).toEqual(before);
  return description;
}

describe("200", () => {
  test("is the literal null: four bytes of application/json", async () => {
    const answer = await retry([await failedOnce()]);
    expectNull(answer);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["content-length"]).toBe("4");
  });

  test("a scheduled retry is pulled forward, on the same record", async () => {
    const number = await failedOnce();
    const before = await rowOf(all.api, number);
    expectNull(await retry([number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
    const after = await rowOf(all.api, number);
    expect(after).toMatchObject({ id: before.id, series: before.series + 1, attemptsTotal: before.attemptsTotal + 1 });
  });

  test("an exhausted delivery opens a new series", async () => {
    const number = await failedOnce();
    const { id } = await rowOf(all.api, number);
    await all.api.db.delivery.update({ where: { id }, data: { state: "failed", nextAttemptAt: null, relayAt: null } });
    expectNull(await retry([number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
    expect(await rowOf(all.api, number)).toMatchObject({ series: 2, attemptsInSeries: 1 });
  });

  test("a delivery that was called off is shown as failed, and opens a new series", async () => {
    const number = await failedOnce();
    const { id } = await rowOf(all.api, number);
    expect((await us.ask("POST", `/v1/deliveries/${id}/cancel`)).status).toBe(202);
    expect(await eventOf(us, webhook, number)).toMatchObject({ status: "FAILED" });
    expectNull(await retry([number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
    expect(await rowOf(all.api, number)).toMatchObject({ series: 2, attemptsInSeries: 1 });
  });

  test("a skipped delivery is sent once there is quota", async () => {
    const { organizationId } = us;
    await setDeliveryQuota(all.api, { organizationId, deliveriesPerMonth: 0 });
    const number = await publishTo(us, webhook);
    expect(await eventOf(us, webhook, number)).toMatchObject({ status: "NOT_TRIGGERED" });
    await setDeliveryQuota(all.api, { organizationId, deliveriesPerMonth: 1 });
    expectNull(await retry([number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
  });

  test("an empty list asks for nothing", async () => {
    const before = await snapshot(all.api.db);
    expectNull(await retry([]));
    expect(await snapshot(all.api.db)).toEqual(before);
  });

  test("what is named twice is sent once", async () => {
    const number = await failedOnce();
    expectNull(await retry([number, number, number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
    expect(await rowOf(all.api, number)).toMatchObject({ series: 2, attemptsTotal: 2 });
  });

  test("what succeeded is passed over", async () => {
    const number = await publishTo(us, webhook);
    await waitForStatus(us, webhook, number, "SUCCESS");
    const before = await rowOf(all.api, number);
    expectNull(await retry([number]));
    expect(await rowOf(all.api, number)).toEqual(before);
  });

  test("what is pending or in flight is passed over", async () => {
    all.api.worker.pause();
    const number = await publishTo(us, webhook);
    const before = await rowOf(all.api, number);
    expectNull(await retry([number]));
    expect(await rowOf(all.api, number)).toEqual(before);
    const release = holdAnswers(all.receiver);
    all.api.worker.resume();
    await waitFor(async () => (await rowOf(all.api, number)).state === "in_flight", { what: "the delivery in flight" });
    expectNull(await retry([number]));
    expect(await rowOf(all.api, number)).toMatchObject({ state: "in_flight", series: 1 });
    release();
    await waitForStatus(us, webhook, number, "SUCCESS");
  });

  test("two retries at once are both answered so, and make one attempt", async () => {
    const number = await failedOnce();
    const answers = await Promise.all([retry([number]), retry([number]), retry([number])]);
    for (const answer of answers) expectNull(answer);
    await waitForStatus(us, webhook, number, "SUCCESS");
    expect(await rowOf(all.api, number)).toMatchObject({ series: 2, attemptsTotal: 2 });
  });

  test("the attempt goes to the current URL and is signed by the current secret", async () => {
    const number = await failedOnce();
    const before = all.receiver.requests.length;
    const change = { url: `${all.receiver.url}moved`, secret: "fedcba9876543210" };
    expect((await us.ask("PATCH", `/v0/webhooks/${webhook.id}`, { json: change })).status).toBe(200);
    expectNull(await retry([number]));
    await waitForStatus(us, webhook, number, "SUCCESS");
    const [request] = all.receiver.requests.slice(before);
    expect(request?.path).toBe("/moved");
    const { createHmac } = await import("node:crypto");
    const hex = createHmac("sha256", change.secret)
      .update(request?.body ?? "")
      .digest("hex");
    expect(request?.headers["x-theirstack-signature-256"]).toBe(`sha256=${hex}`);
  });

  test("members that the contract does not name are passed over", async () => {
    const json = { webhook_event_ids: [], reason: "network" };
    expectNull(await us.ask("POST", RETRY, { json }));
  });

  test("five hundred ids are taken", async () => {
    const number = await failedOnce();
    expectNull(await retry(Array.from({ length: 500 }, () => number)));
  });
});

describe("400", () => {
  test("names unknown ids", async () => {
    const description = await expectNothingWritten(() => retry([UNKNOWN_NUMBER, 0, -1]), 400, "E-003");
    expect(description).toContain(`${UNKNOWN_NUMBER}, 0, -1`);
  });

  test("known and unknown mixed: names the unknown ones alone, and nothing is queued", async () => {
    const number = await failedOnce();
    const description = await expectNothingWritten(() => retry([number, UNKNOWN_NUMBER]), 400, "E-003");
    expect(description).toContain(String(UNKNOWN_NUMBER));
    expect(description).not.toContain(` ${number}`);
  });

  test("another organization's ids are as good as unknown ones", async () => {
    const number = await failedOnce();
    const other = await all.api.createOrganization();
    const ofTheirs = await expectNothingWritten(() => retry([number], other), 400, "E-003");
    const ofNobody = await expectNothingWritten(() => retry([UNKNOWN_NUMBER], other), 400, "E-003");
    expect(ofTheirs.replace(String(number), "…")).toBe(ofNobody.replace(String(UNKNOWN_NUMBER), "…"));
  });

  test("E-001 when a webhook is disabled: nothing is queued, also of other webhooks", async () => {
    const number = await failedOnce();
    const disabled = await makeWebhook(us, { url: all.receiver.url });
    const other = await publishTo(us, disabled);
    await waitForStatus(us, disabled, other, "SUCCESS");
    await us.ask("PATCH", `/v0/webhooks/${disabled.id}/status`, { json: { is_active: false } });
    const description = await expectNothingWritten(() => retry([number, other]), 400, "E-001");
    expect(description).toContain(String(other));
  });

  test("E-001 when a webhook is archived", async () => {
    const number = await failedOnce();
    await us.ask("PATCH", `/v0/webhooks/${webhook.id}/archive`);
    await expectNothingWritten(() => retry([number]), 400, "E-001");
  });

  test("E-001 “Not allowed exception” when the key lacks the scope", async () => {
    const poor = await all.api.createKey(us, { scopes: ["webhooks:read", "deliveries:read"] });
    const answer = await retry([1], poor);
    expectError(answer, 400, "E-001");
    expect(answer.body.error.title).toBe("Not allowed exception");
  });
});

test("401 without a valid bearer, with WWW-Authenticate", async () => {
  for (const headers of [{}, { Authorization: "Bearer nobody" }, { Authorization: "Basic eA==" }]) {
    const answer = await all.api.ask("POST", RETRY, { json: { webhook_event_ids: [1] }, headers });
    expectError(answer, 401, "E-002");
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  }
});

test("402 when the quota is used up, all or nothing", async () => {
  const { organizationId } = us;
  await setDeliveryQuota(all.api, { organizationId, deliveriesPerMonth: 1 });
  const failed = await failedOnce();
  await publish(us);
  const [skipped] = (await us.ask("GET", `/v0/webhooks/${webhook.id}/events?status=NOT_TRIGGERED`)).body;
  await expectNothingWritten(() => retry([failed, skipped.id]), 402, "E-004");
});

describe("422", () => {
  test.each([
    ["a missing member", {}],
    ["null for the list", { webhook_event_ids: null }],
    ["a number for the list", { webhook_event_ids: 1 }],
    ["null as the body", null],
    ["a list as the body", []],
    ["an id that is a text", { webhook_event_ids: ["12"] }],
    ["an id that is a fraction", { webhook_event_ids: [1.5] }],
    ["an id that is a boolean", { webhook_event_ids: [true] }],
    ["an id that is null", { webhook_event_ids: [null] }],
    ["more than 500 ids", { webhook_event_ids: Array.from({ length: 501 }, (_, index) => index) }],
  ])("with %s", async (_, json) => {
    await expectNothingWritten(() => us.ask("POST", RETRY, { json }), 422, "E-005");
  });

  test.each(["9007199254740992", "9007199254740993", "1e30"])("with the id %s, which no double holds", async (id) => {
    const text = `{"webhook_event_ids":[${id}]}`;
    await expectNothingWritten(() => us.ask("POST", RETRY, { text }), 422, "E-005");
  });

  test("names the faulty id by its place", async () => {
    expect(expectError(await retry([1, "x"]), 422, "E-005")).toMatch(/^body\.webhook_event_ids\.1 /);
  });

  test("without a body, with a Content-Type or without", async () => {
    expectError(await us.ask("POST", RETRY), 422, "E-005");
    const headers = { "Content-Type": "application/json" };
    expectError(await us.ask("POST", RETRY, { headers }), 422, "E-005");
  });

  test("with a body that is not declared as JSON", async () => {
    for (const contentType of [null, "text/plain", "application/x-www-form-urlencoded"]) {
      const text = '{"webhook_event_ids":[]}';
      expectError(await us.ask("POST", RETRY, { text, contentType }), 422, "E-007");
    }
  });

  test("with malformed JSON", async () => {
    expectError(await us.ask("POST", RETRY, { text: '{"webhook_event_ids":' }), 422, "E-006");
  });
});

test("413 with a body that is too large", async () => {
  const text = '{"webhook_event_ids":[]}'.padEnd(256 * 1024 + 1);
  expectError(await us.ask("POST", RETRY, { text }), 413, "E-011");
});

test("405 with Allow for another method, 404 for another path, both in the contract's shape", async () => {
  const answer = await us.ask("PUT", RETRY);
  expectError(answer, 405, "E-010");
  expect(answer.headers["allow"]).toBe("OPTIONS, POST");
  expectError(await us.ask("POST", "/v0/webhooks/events/again"), 404, "E-009");
  expectError(await us.ask("GET", "/v0"), 404, "E-009");
});

test("500 in the contract's shape, and nothing of the fault is told", async () => {
  const { retry: batch } = all.api.context;
  const number = await failedOnce();
  all.api.context.retry = { ...batch, add: () => Promise.reject(new Error("secret of ours")) };
  const answer = await retry([number]);
  all.api.context.retry = batch;
  expectError(answer, 500, "E-016");
  expect(answer.text).not.toContain("secret of ours");
});

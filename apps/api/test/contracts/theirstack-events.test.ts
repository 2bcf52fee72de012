import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { makePartitions } from "@homing/db/partitions";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { publish } from "../native/fixtures.js";
import type { ContractOrganization } from "./contract-api.js";
import {
  expectError,
  makeWebhook,
  type MadeWebhook,
  publishTo,
  rowOf,
  startTheirstack,
  type Theirstack,
  UNKNOWN_NUMBER,
  waitForStatus,
} from "./theirstack-fixtures.js";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;
const DAY_MS = 24 * 60 * 60 * 1000;

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

const eventsPath = () => `/v0/webhooks/${webhook.id}/events`;

async function setState(number: number, data: object): Promise<void> {
  const { id } = await rowOf(all.api, number);
  await all.api.db.delivery.update({ where: { id }, data });
}

describe("a webhook's events", () => {
  test("are a bare array, newest first, with the payload as it was published", async () => {
    expect((await us.ask("GET", eventsPath())).text).toBe("[]");
    const text =
      '{"type":"job_new","payload":{"id": 12345678901234567890},"attributes":{"job_id":"42","company_name":"Acme"}}';
    await us.ask("POST", "/v1/events", { text });
    const second = await publishTo(us, webhook, { type: "job_new" });
    await waitForStatus(us, webhook, second, "SUCCESS");
    const { body, text: answered } = await us.ask("GET", eventsPath());
    expect(body).toEqual([
      expect.objectContaining({ id: second, job_id: null, company_name: null, payload: { a: 1 } }),
      expect.objectContaining({ webhook_id: webhook.id, job_id: 42, company_name: "Acme" }),
    ]);
    expect(body[0].triggered_at).toMatch(TIME);
    expect(answered).toContain('"payload":{"id": 12345678901234567890}');
  });

  test("have the status of their state", async () => {
    all.api.worker.pause();
    const number = await publishTo(us, webhook);
    const { organizationId } = us;
    const later = new Date(Date.now() + DAY_MS);
    const states = [
      ["IN_PROGRESS", { state: "pending", attemptsInSeries: 0, nextAttemptAt: later, relayAt: later }],
      ["FAILED", { state: "pending", attemptsInSeries: 2, nextAttemptAt: later, relayAt: later }],
      ["IN_PROGRESS", { state: "in_flight", leaseUntil: later, nextAttemptAt: null, relayAt: later }],
      ["IN_PROGRESS", { state: "held", leaseUntil: null, relayAt: null }],
      ["SUCCESS", { state: "succeeded" }],
      ["FAILED", { state: "failed" }],
      ["FAILED", { state: "cancelled" }],
      ["NOT_TRIGGERED", { state: "skipped" }],
    ] as const;
    for (const [status, data] of states) {
      await setState(number, data);
      for (const asked of ["IN_PROGRESS", "SUCCESS", "FAILED", "NOT_TRIGGERED"]) {
        const { body } = await us.ask("GET", eventsPath(), { query: { status: asked } });
        expect({ data, asked, body }).toMatchObject({ body: asked === status ? [{ id: number, status }] : [] });
      }
    }
    expect(await all.api.db.delivery.count({ where: { organizationId } })).toBe(1);
    all.api.worker.resume();
  });

  test("are paged by offset and limit, 25 unless told", async () => {
    all.api.worker.pause();
    const events = Array.from({ length: 30 }, (_, index) => ({ type: "job_new", payload: { index } }));
    await us.ask("POST", "/v1/events/batch", { json: { events } });
    const page = async (query: Record<string, number>): Promise<{ id: number }[]> =>
      (await us.ask("GET", eventsPath(), { query })).body;
    const whole = (await page({ limit: 500 })).map(({ id }) => id);
    expect(whole).toHaveLength(30);
    expect((await page({})).map(({ id }) => id)).toEqual(whole.slice(0, 25));
    expect((await page({ offset: 28, limit: 5 })).map(({ id }) => id)).toEqual(whole.slice(28));
    all.api.worker.resume();
  });

  test.each(["limit=0", "limit=501", "offset=-1", "offset=100001", "status=failed", "limit=x"])(
    "?%s is 422",
    async (query) => {
      expectError(await us.ask("GET", `${eventsPath()}?${query}`), 422, "E-005");
    },
  );

  test("are without what retention has taken the event of, and their pages are as long as they are asked for", async () => {
    all.api.worker.pause();
    const numbers = [];
    for (let made = 0; made < 3; made++) numbers.push(await publishTo(us, webhook));
    const { eventId } = await rowOf(all.api, numbers[1] ?? 0);
    await all.api.db.event.delete({ where: { id: eventId } });
    const { body } = await us.ask("GET", eventsPath(), { query: { limit: 2 } });
    expect(body.map(({ id }: { id: number }) => id)).toEqual([numbers[2], numbers[0]]);
    await setState(numbers[1] ?? 0, { state: "failed", nextAttemptAt: null, relayAt: null });
    all.api.worker.resume();
  });

  test("of an unknown webhook are 400", async () => {
    expectError(await us.ask("GET", `/v0/webhooks/${UNKNOWN_NUMBER}/events`), 400, "E-003");
    expectError(await us.ask("GET", `/v0/webhooks/${UNKNOWN_NUMBER}/events/count`), 400, "E-003");
  });

  test("are counted as a bare integer", async () => {
    expect((await us.ask("GET", `${eventsPath()}/count`)).text).toBe("0");
    await publish(us);
    await publish(us);
    expect((await us.ask("GET", `${eventsPath()}/count`)).text).toBe("2");
  });
});

describe("counts by day", () => {
  const count = async (query: Record<string, string | number>) =>
    (await us.ask("GET", "/v0/webhooks/events/count", { query })).body;

  /** An event that came at a time. */
  async function publishAt(time: string, state: object = {}): Promise<number> {
    all.api.worker.pause();
    const number = await publishTo(us, webhook);
    const msecs = Date.parse(time);
    await makePartitions(all.api.db, msecs);
    await setState(number, { id: uuidv7({ msecs }), ...state });
    return number;
  }

  test("of the last 30 days: a row for each day and status, with the attempts", async () => {
    const now = Date.now();
    const ago = (days: number): string => new Date(now - days * DAY_MS).toISOString();
    await publishAt(ago(1), { state: "failed", attemptsTotal: 3, nextAttemptAt: null, relayAt: null });
    await publishAt(ago(1), { state: "cancelled", attemptsTotal: 2, nextAttemptAt: null, relayAt: null });
    await publishAt(ago(2));
    await publishAt(ago(31));
    const day = (days: number): string => `${ago(days).slice(0, 10)}T00:00:00Z`;
    const all30 = { webhook_id: null };
    expect(await count({})).toEqual([
      { period_start: day(2), number_of_events: 1, status: "IN_PROGRESS", number_of_executions: 0, ...all30 },
      { period_start: day(1), number_of_events: 2, status: "FAILED", number_of_executions: 5, ...all30 },
    ]);
  });

  test("begin and end their days where the time zone does, also when the clocks change", async () => {
    for (const time of [
      "2026-03-28T22:59:59Z",
      "2026-03-28T23:00:00Z",
      "2026-03-29T21:59:59Z",
      "2026-03-29T22:00:00Z",
    ]) {
      await publishAt(time);
    }
    const range = { start_datetime: "2026-03-28T00:00:00", end_datetime: "2026-03-30T23:59:59" };
    const days = (await count({ ...range, timezone: "Europe/Madrid" })).map(
      ({ period_start: start, number_of_events: events }: Record<string, unknown>) => [start, events],
    );
    expect(days).toEqual([
      ["2026-03-27T23:00:00Z", 1],
      ["2026-03-28T23:00:00Z", 2],
      ["2026-03-29T22:00:00Z", 1],
    ]);
    expect(await count(range)).toMatchObject([{ number_of_events: 2 }, { number_of_events: 2 }]);
  });

  test("read a time without an offset in the time zone, and one with it as it stands", async () => {
    await publishAt("2026-05-01T03:30:00Z");
    const timezone = "America/New_York";
    const from = (start_datetime: string) => count({ start_datetime, end_datetime: "2026-05-02", timezone });
    expect(await from("2026-04-30T23:30:00")).toHaveLength(1);
    expect(await from("2026-04-30T23:30:01")).toEqual([]);
    expect(await from("2026-05-01T03:30:00Z")).toHaveLength(1);
    expect(await from("2026-05-01T03:30:01Z")).toEqual([]);
    expect(
      await count({ start_datetime: "2026-04-30T00:00:00", end_datetime: "2026-04-30T23:30:00", timezone }),
    ).toHaveLength(1);
  });

  test("by webhook, or of one webhook alone", async () => {
    const other = await makeWebhook(us, { url: all.receiver.url });
    await publishAt(new Date(Date.now() - 1_000).toISOString());
    const byWebhook = await count({ group_by: "webhook_id" });
    expect(byWebhook).toMatchObject([
      { webhook_id: webhook.id, status: null, number_of_events: 1 },
      { webhook_id: other.id, status: null, number_of_events: 1 },
    ]);
    expect(await count({ webhook_id: other.id })).toMatchObject([{ webhook_id: other.id, number_of_events: 1 }]);
    const answer = await us.ask("GET", "/v0/webhooks/events/count", { query: { webhook_id: UNKNOWN_NUMBER } });
    expectError(answer, 400, "E-003");
  });

  test.each([
    "timezone=Mars/Base",
    "timezone=%2B01:00",
    "start_datetime=yesterday",
    "end_datetime=2026-02-30T00:00:00",
    "end_datetime=0000-01-01",
    "group_by=day",
    "webhook_id=x",
  ])("?%s is 422", async (query) => {
    expectError(await us.ask("GET", `/v0/webhooks/events/count?${query}`), 422, "E-005");
  });
});

test("event types are those of the contract and those that were published", async () => {
  expect((await us.ask("GET", "/v0/webhooks/event-types")).body).toEqual(["company_new", "job_new"]);
  await publish(us, { type: "tech.new" });
  await publish(us, { type: "job_new" });
  expect((await us.ask("GET", "/v0/webhooks/event-types")).body).toEqual(["company_new", "job_new", "tech.new"]);
});

test("what comes beyond the quota is NOT_TRIGGERED", async () => {
  await setDeliveryQuota(all.api, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
  const number = await publishTo(us, webhook);
  expect((await us.ask("GET", eventsPath())).body).toMatchObject([{ id: number, status: "NOT_TRIGGERED" }]);
  const answer = await us.ask("POST", "/v0/webhooks/test", { json: { url: all.receiver.url } });
  expectError(answer, 402, "E-004");
});

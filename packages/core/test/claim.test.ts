import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "@homing/runtime/logger";
import { formatEventId } from "../src/events/event-id.js";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { putOff } from "../src/deliveries/put-off.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import { rotateSecret } from "../src/webhooks/secrets.js";
import {
  ABORTED,
  attemptOnce,
  claimOne,
  newDelivery,
  newWebhook,
  openWorld,
  recordOne,
  REFUSED,
  responded,
  retryOne,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const TIMEOUT_MS = 3_000;
const LEASE_MS = 10_000;
const LOST_MS = LEASE_MS + 1_000;
const FAULTS_MAX = 5;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

test("what is due is claimed with all that an attempt needs, and leased for 10 s whatever the request's deadline", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await newDelivery(world, { timeoutMs: TIMEOUT_MS });
  const claim = await claimOne(world, deliveryId);
  expect(claim).toMatchObject({
    deliveryId,
    organizationId,
    webhookId: webhook.id,
    eventName: formatEventId(eventId),
    eventType: "invoice.paid",
    payload: '{"n":1}',
    series: 1,
    number: 1,
    place: 1,
    trigger: "automatic",
    url: webhook.url,
    timeoutMs: TIMEOUT_MS,
    retryPolicy: "standard",
    secrets: [{ id: expect.any(String), sealed: expect.any(String) }],
  });
  const row = await rowOf(world, deliveryId);
  expect(row).toMatchObject({ state: "in_flight", attemptsInSeries: 1, nextAttemptAt: null, relayAt: row.leaseUntil });
  expect((row.leaseUntil?.getTime() ?? 0) - row.updatedAt.getTime()).toBe(LEASE_MS);
});

test("of many claims of one delivery at once one wins", async () => {
  const { deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, 10);
  const claims = Array.from({ length: 20 }, () => claimDeliveries(world.context, [deliveryId]));
  const outcomes = (await Promise.all(claims)).flat().map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "claimed")).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === "nothing_to_do")).toHaveLength(19);
  expect((await rowOf(world, deliveryId)).attemptsInSeries).toBe(1);
});

test("of two equal ids in a batch one is claimed, and outcomes keep the order of the ids", async () => {
  const { deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, 10);
  const outcomes = await claimDeliveries(world.context, [uuidv7(), deliveryId, deliveryId]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["nothing_to_do", "claimed", "nothing_to_do"]);
});

test("what is scheduled for later is too early, by how much is said, and nothing changes", async () => {
  const { deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, -60_000);
  const before = await rowOf(world, deliveryId);
  const outcomes = await claimDeliveries(world.context, [deliveryId, deliveryId]);
  for (const outcome of outcomes) {
    expect(outcome).toEqual({ outcome: "too_early", byMs: expect.any(Number) });
    const byMs = outcome.outcome === "too_early" ? outcome.byMs : 0;
    expect(byMs).toBeGreaterThan(50_000);
    expect(byMs).toBeLessThanOrEqual(60_000);
  }
  expect(await rowOf(world, deliveryId)).toEqual(before);
});

test("an expired lease is claimed again with the next number, one that holds is not", async () => {
  const { deliveryId } = await newDelivery(world, { timeoutMs: TIMEOUT_MS });
  expect((await claimOne(world, deliveryId)).number).toBe(1);
  await shiftTime(world, deliveryId, LEASE_MS - 2_000);
  expect(await claimDeliveries(world.context, [deliveryId])).toEqual([{ outcome: "nothing_to_do" }]);
  await shiftTime(world, deliveryId, 3_000);
  expect(await claimOne(world, deliveryId)).toMatchObject({ series: 1, number: 2, place: 2 });
});

test("attempts that a stop of ours cut off take no place in the schedule, others do", async () => {
  const { deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, ABORTED);
  await attemptOnce(world, deliveryId, ABORTED);
  expect(await attemptOnce(world, deliveryId, REFUSED)).toMatchObject({ settlement: { delayMs: 5_000 } });
  await shiftTime(world, deliveryId, 10_000);
  await attemptOnce(world, deliveryId, ABORTED);
  expect(await claimOne(world, deliveryId)).toMatchObject({ number: 5, place: 2 });
});

test("a delivery of a disabled webhook is held, one of an archived webhook is cancelled", async () => {
  const held = await newDelivery(world);
  const cancelled = await newDelivery(world);
  const webhookId = (of: typeof held) => ({ organizationId: of.organizationId, webhookId: of.webhook.id });
  await disableWebhook(world.context, webhookId(held), "by hand");
  await archiveWebhook(world.context, webhookId(cancelled));
  await shiftTime(world, held.deliveryId, 10);
  await shiftTime(world, cancelled.deliveryId, 10);
  expect(await claimDeliveries(world.context, [held.deliveryId, cancelled.deliveryId])).toEqual([
    { outcome: "nothing_to_do" },
    { outcome: "nothing_to_do" },
  ]);
  const idle = { attemptsInSeries: 0, nextAttemptAt: null, relayAt: null, leaseUntil: null };
  expect(await rowOf(world, held.deliveryId)).toMatchObject({ ...idle, state: "held" });
  expect(await rowOf(world, cancelled.deliveryId)).toMatchObject({ ...idle, state: "cancelled" });
});

test("a delivery whose event is gone fails at its claim, and its neighbour is claimed", async () => {
  const gone = await newDelivery(world);
  const { deliveryId } = await newDelivery(world);
  await world.db.event.delete({ where: { id: gone.eventId } });
  await shiftTime(world, gone.deliveryId, 10);
  await shiftTime(world, deliveryId, 10);
  expect(await claimDeliveries(world.context, [gone.deliveryId, deliveryId])).toEqual([
    { outcome: "nothing_to_do" },
    { outcome: "claimed", claim: expect.objectContaining({ deliveryId }) },
  ]);
  expect(await rowOf(world, gone.deliveryId)).toMatchObject({
    state: "failed",
    lastError: "its event is gone: it is older than the retention",
    attemptsTotal: 0,
    relayAt: null,
    leaseUntil: null,
  });
});

test("a claim carries all valid secrets, newest first, and no expired one", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  const name = { organizationId, webhookId: webhook.id };
  await rotateSecret(world.context, name);
  await rotateSecret(world.context, name);
  const rows = await world.db.webhookSecret.findMany({ where: { webhookId: webhook.id }, orderBy: { id: "desc" } });
  const oldest = rows.at(-1)?.id ?? "";
  await world.db.webhookSecret.update({ where: { id: oldest }, data: { expiresAt: new Date(Date.now() - 1) } });
  const claim = await claimOne(world, deliveryId);
  expect(claim.secrets.map(({ id }) => id)).toEqual(rows.slice(0, -1).map(({ id }) => id));
});

test("a hint for a retry beyond the queue's horizon has nothing to do: Postgres keeps it", async () => {
  const { deliveryId } = await newDelivery(world, {
    retryPolicy: { delaysSeconds: [3600], jitter: 0, finalStatuses: [] },
  });
  await attemptOnce(world, deliveryId, REFUSED);
  expect(await claimDeliveries(world.context, [deliveryId])).toEqual([{ outcome: "nothing_to_do" }]);
});

/** Loses so many workers in mid-attempt. */
async function loseWorkers(deliveryId: string, count: number): Promise<void> {
  for (let lost = 0; lost < count; lost++) {
    await claimOne(world, deliveryId);
    await shiftTime(world, deliveryId, LOST_MS);
  }
}

/** Puts a claim off so many times, each when the pause of the last is over. */
async function putOffTimes(deliveryId: string, count: number): Promise<number[]> {
  const pausesMs: number[] = [];
  for (let times = 0; times < count; times++) {
    await putOff(world.context, await claimOne(world, deliveryId), "it could not be signed");
    const { nextAttemptAt, updatedAt } = await rowOf(world, deliveryId);
    pausesMs.push((nextAttemptAt?.getTime() ?? 0) - updatedAt.getTime());
    await shiftTime(world, deliveryId, 3_600_000);
  }
  return pausesMs;
}

test("a delivery that takes its workers' lives ends as failed with the reason after five times, for all to see", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  await loseWorkers(deliveryId, FAULTS_MAX);
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ service: "test", level: "info" }, { write: (line) => lines.push(JSON.parse(line)) });
  expect(await claimDeliveries({ ...world.context, log }, [deliveryId])).toEqual([{ outcome: "nothing_to_do" }]);
  const reason = "5 attempts in a row ended without a record: their worker died or lost its lease";
  expect(await rowOf(world, deliveryId)).toMatchObject({
    state: "failed",
    attemptsInSeries: FAULTS_MAX,
    attemptsTotal: 0,
    leaseUntil: null,
    relayAt: null,
    nextAttemptAt: null,
    lastError: reason,
  });
  expect(lines).toEqual([
    expect.objectContaining({
      level: 40,
      message: "delivery.poisoned",
      organization_id: organizationId,
      webhook_id: webhook.id,
      delivery_id: deliveryId,
      faults: FAULTS_MAX,
      reason,
    }),
  ]);
});

test("a poisonous delivery ends together with its notice or not at all", async () => {
  const { organizationId, deliveryId } = await newDelivery(world, { eventTypes: ["invoice.*"] });
  await newWebhook(world, organizationId, { eventTypes: ["homing.*"] });
  await loseWorkers(deliveryId, FAULTS_MAX);
  await world.db.$executeRaw`ALTER TABLE notices ADD CONSTRAINT closed CHECK (false) NOT VALID`;
  expect(await claimDeliveries(world.context, [deliveryId])).toEqual([{ outcome: "nothing_to_do" }]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "in_flight", attemptsInSeries: FAULTS_MAX });
  await world.db.$executeRaw`ALTER TABLE notices DROP CONSTRAINT closed`;
  await claimDeliveries(world.context, [deliveryId]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed" });
  expect(await world.db.notice.count({ where: { organizationId } })).toBe(1);
});

test("four lost workers are no reason to give a delivery up, and a record forgives them", async () => {
  const { deliveryId } = await newDelivery(world);
  await loseWorkers(deliveryId, FAULTS_MAX - 1);
  const claim = await claimOne(world, deliveryId);
  expect(await rowOf(world, deliveryId)).toMatchObject({ faults: 4, lastError: "its worker died or lost its lease" });
  await recordOne(world, claim, REFUSED);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", faults: null });
});

test("a record that comes late forgives as well", async () => {
  const { deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, LOST_MS);
  await claimOne(world, deliveryId);
  expect((await rowOf(world, deliveryId)).faults).toBe(1);
  expect(await recordOne(world, claim, responded(200))).toEqual({ outcome: "late" });
  expect((await rowOf(world, deliveryId)).faults).toBeNull();
});

test("a manual retry gives a poisonous delivery all its chances again", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await loseWorkers(deliveryId, FAULTS_MAX);
  await claimDeliveries(world.context, [deliveryId]);
  await shiftTime(world, deliveryId, LOST_MS);
  expect(await retryOne(world, { deliveryId, organizationId })).toMatchObject({ outcome: "opened" });
  await shiftTime(world, deliveryId, 10);
  expect(await claimOne(world, deliveryId)).toMatchObject({ series: 2, number: 1 });
  expect((await rowOf(world, deliveryId)).faults).toBeNull();
});

test("what cannot be attempted is put off for longer each time, then ends as failed with that reason", async () => {
  const { deliveryId } = await newDelivery(world);
  expect(await putOffTimes(deliveryId, FAULTS_MAX)).toEqual([15_000, 60_000, 240_000, 960_000, 0]);
  expect(await claimDeliveries(world.context, [deliveryId])).toEqual([{ outcome: "nothing_to_do" }]);
  expect(await rowOf(world, deliveryId)).toMatchObject({
    state: "failed",
    attemptsInSeries: 0,
    relayAt: null,
    lastError: "5 attempts in a row ended without a record: it could not be signed",
  });
});

test("a poisonous delivery of a disabled webhook is held, not failed", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  await loseWorkers(deliveryId, FAULTS_MAX);
  await disableWebhook(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  await claimDeliveries(world.context, [deliveryId]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "held", faults: FAULTS_MAX, leaseUntil: null });
});

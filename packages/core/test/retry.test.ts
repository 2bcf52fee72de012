import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { cancelDelivery } from "../src/deliveries/cancel.js";
import { retryDeliveries, type RetryOutcome } from "../src/deliveries/retry.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  attemptsOf,
  claimOne,
  deliveryOf,
  newDelivery,
  newOrganization,
  only,
  openWorld,
  recordOne,
  REFUSED,
  responded,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const ONE_CHANCE = { retryPolicy: "kallima" } as const;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function retry(organizationId: string, deliveryId: string): Promise<RetryOutcome> {
  return only(await retryDeliveries(world.context, [{ organizationId, deliveryId, receivedAtMs: performance.now() }]));
}

/** A delivery whose only attempt failed a while ago. */
async function failedDelivery() {
  const delivery = await newDelivery(world, ONE_CHANCE);
  await attemptOnce(world, delivery.deliveryId, REFUSED);
  await shiftTime(world, delivery.deliveryId, 1_000);
  return delivery;
}

async function setState(deliveryId: string, state: string): Promise<void> {
  await world.db.$executeRaw`
    UPDATE deliveries SET state = ${state}::delivery_state, next_attempt_at = NULL, relay_at = NULL, lease_until = NULL
    WHERE id = ${deliveryId}::uuid`;
}

test("a retry requeues the same record in a new series and hands over its hint", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const before = await deliveryOf(world, organizationId, deliveryId);
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "queued" });
  expect(await deliveryOf(world, organizationId, deliveryId)).toMatchObject({
    id: before.id,
    number: before.number,
    state: "pending",
    series: 2,
    attemptsInSeries: 0,
    attemptsTotal: 1,
  });
  expect(world.hints.at(-1)).toEqual({ deliveryId, series: 2, number: 1, delayMs: 0 });
  await attemptOnce(world, deliveryId, responded(200));
  expect(await deliveryOf(world, organizationId, deliveryId)).toMatchObject({
    state: "succeeded",
    series: 2,
    attemptsTotal: 2,
  });
  expect((await attemptsOf(world, deliveryId)).map(({ series, number, trigger }) => [series, number, trigger])).toEqual(
    [
      [1, 1, "automatic"],
      [2, 1, "manual"],
    ],
  );
});

test.each(["succeeded", "failed", "held", "skipped", "cancelled"])(
  "a delivery that is %s may be retried",
  async (state) => {
    const { organizationId, deliveryId } = await failedDelivery();
    await setState(deliveryId, state);
    expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "queued" });
    expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", series: 2 });
  },
);

test("a delivery that waits for its first attempt is queued already", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, 1_000);
  const before = await rowOf(world, deliveryId);
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "queued" });
  expect(await rowOf(world, deliveryId)).toEqual(before);
});

test("a delivery in flight is left alone", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, 1_000);
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "in_flight" });
  await recordOne(world, claim, responded(200));
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "succeeded", series: 1 });
});

test("a scheduled retry is pulled forward", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "queued" });
  expect(await claimOne(world, deliveryId)).toMatchObject({ series: 2, number: 1, place: 1, trigger: "manual" });
});

test("fifty retries at once open one series and hand over one hint", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const hintsBefore = world.hints.length;
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => retry(organizationId, deliveryId)));
  expect(outcomes).toEqual(outcomes.map(() => ({ outcome: "queued" })));
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", series: 2 });
  expect(world.hints.slice(hintsBefore)).toEqual([{ deliveryId, series: 2, number: 1, delayMs: 0 }]);
});

test("fifty retries in one batch open one series and hand over one hint", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const hintsBefore = world.hints.length;
  const requests = Array.from({ length: 50 }, () => ({ organizationId, deliveryId, receivedAtMs: performance.now() }));
  const outcomes = await retryDeliveries(world.context, requests);
  expect(outcomes).toEqual(requests.map(() => ({ outcome: "queued" })));
  expect((await rowOf(world, deliveryId)).series).toBe(2);
  expect(world.hints.slice(hintsBefore)).toHaveLength(1);
});

test("a retry that came in before the last attempt was recorded is answered by that attempt", async () => {
  const { organizationId, deliveryId } = await newDelivery(world, ONE_CHANCE);
  await attemptOnce(world, deliveryId, REFUSED);
  const receivedAtMs = performance.now() - 1_000;
  expect(await retryDeliveries(world.context, [{ organizationId, deliveryId, receivedAtMs }])).toEqual([
    { outcome: "queued" },
  ]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", series: 1 });
});

test("a retry that came in after the last attempt was recorded opens a series, however soon", async () => {
  for (let round = 0; round < 10; round++) {
    const { organizationId, deliveryId } = await newDelivery(world, ONE_CHANCE);
    await attemptOnce(world, deliveryId, REFUSED);
    await retry(organizationId, deliveryId);
    expect((await rowOf(world, deliveryId)).series).toBe(2);
  }
});

test("a retry that waited for a lock while the attempt it asks for was recorded opens nothing", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  let retrying: Promise<RetryOutcome> | undefined;
  await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM deliveries WHERE id = ${deliveryId}::uuid FOR UPDATE`;
    retrying = retry(organizationId, deliveryId);
    await lockWaiter();
    await transaction.$executeRaw`UPDATE deliveries SET updated_at = clock_timestamp() WHERE id = ${deliveryId}::uuid`;
  });
  expect(await retrying).toEqual({ outcome: "queued" });
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", series: 1 });
});

/** Until somebody waits for another's row. */
async function lockWaiter(): Promise<void> {
  for (;;) {
    const waiting = await world.db.$queryRaw<unknown[]>`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    if (waiting.length > 0) return;
  }
}

test("another organization's and an unknown delivery are not found, and nothing of them changes", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const stranger = await newOrganization(world);
  const before = await rowOf(world, deliveryId);
  expect(await retry(stranger, deliveryId)).toEqual({ outcome: "not_found" });
  expect(await retry(organizationId, uuidv7())).toEqual({ outcome: "not_found" });
  expect(await rowOf(world, deliveryId)).toEqual(before);
  const receivedAtMs = performance.now();
  const mixed = [stranger, organizationId, stranger].map((id) => ({ organizationId: id, deliveryId, receivedAtMs }));
  expect((await retryDeliveries(world.context, mixed)).map(({ outcome }) => outcome)).toEqual([
    "not_found",
    "queued",
    "not_found",
  ]);
});

test("another organization's retry does not wait for the delivery's lock", async () => {
  const { deliveryId } = await failedDelivery();
  const stranger = await newOrganization(world);
  await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM deliveries WHERE id = ${deliveryId}::uuid FOR UPDATE`;
    expect(await retry(stranger, deliveryId)).toEqual({ outcome: "not_found" });
  });
});

test.each([
  ["disabled", disableWebhook],
  ["archived", archiveWebhook],
] as const)("a delivery of a webhook that is %s is not retried", async (webhookState, change) => {
  const { organizationId, webhook, deliveryId } = await failedDelivery();
  await change(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "webhook_inactive", webhookState });
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", series: 1 });
});

test("a delivery is retried again once its webhook is enabled", async () => {
  const { organizationId, webhook, deliveryId } = await failedDelivery();
  await disableWebhook(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  await enableWebhook(world.context, { organizationId, webhookId: webhook.id });
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "queued" });
  expect((await rowOf(world, deliveryId)).series).toBe(2);
});

test("what waits is cancelled, and is not sent", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  expect(await cancelDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: "cancelled" });
  await expect(claimOne(world, deliveryId)).rejects.toThrow("nothing_to_do");
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "cancelled", relayAt: null, nextAttemptAt: null });
});

test("what is held is cancelled too", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await setState(deliveryId, "held");
  expect(await cancelDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: "cancelled" });
});

test("what is in flight or finished, unknown or another's is not cancelled", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  expect(await cancelDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: "in_flight" });
  await recordOne(world, claim, responded(200));
  const finished = { outcome: "finished", state: "succeeded" };
  expect(await cancelDelivery(world.context, { organizationId, deliveryId })).toEqual(finished);
  const stranger = { organizationId: await newOrganization(world), deliveryId };
  expect(await cancelDelivery(world.context, stranger)).toEqual({ outcome: "not_found" });
  expect(await cancelDelivery(world.context, { organizationId, deliveryId: uuidv7() })).toEqual({
    outcome: "not_found",
  });
});

test("a delivery whose event is past its retention is gone", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  await world.db.event.delete({ where: { id: (await rowOf(world, deliveryId)).eventId } });
  expect(await retry(organizationId, deliveryId)).toEqual({ outcome: "not_found" });
});

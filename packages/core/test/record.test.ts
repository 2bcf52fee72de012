import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { recordAttempts } from "../src/deliveries/record.js";
import { getWebhook } from "../src/webhooks/read.js";
import {
  ABORTED,
  attemptOnce,
  attemptsOf,
  claimOne,
  newDelivery,
  only,
  openWorld,
  publishOne,
  recordOne,
  REFUSED,
  responded,
  retryOne,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const FAR_LEASE_MS = 60_000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

function hintsOf(deliveryId: string) {
  return world.hints.filter((hint) => hint.deliveryId === deliveryId).slice(1);
}

test("a success ends the delivery and is kept as an attempt", async () => {
  const { deliveryId } = await newDelivery(world);
  expect(await attemptOnce(world, deliveryId, responded(201, { "x-id": "7" }))).toEqual({
    outcome: "settled",
    settlement: { state: "succeeded" },
  });
  expect(await rowOf(world, deliveryId)).toMatchObject({
    state: "succeeded",
    attemptsTotal: 1,
    lastResponseStatus: 201,
    lastError: null,
    deliveredAt: expect.any(Date),
    nextAttemptAt: null,
    relayAt: null,
    leaseUntil: null,
  });
  expect(await attemptsOf(world, deliveryId)).toMatchObject([
    {
      series: 1,
      number: 1,
      trigger: "automatic",
      outcome: "responded",
      responseStatus: 201,
      responseHeaders: { "x-id": "7" },
      responseBody: "answer 201",
      requestHeaders: { "webhook-id": "evt_1" },
      durationMs: 12,
      error: null,
    },
  ]);
});

test("a failure is scheduled, and a retry that is soon is handed over as a delayed hint", async () => {
  const { deliveryId } = await newDelivery(world);
  expect(await attemptOnce(world, deliveryId, REFUSED)).toMatchObject({
    settlement: { state: "pending", delayMs: 5_000 },
  });
  const row = await rowOf(world, deliveryId);
  expect(row).toMatchObject({ state: "pending", attemptsInSeries: 1, lastError: "refused: connection refused" });
  expect((row.nextAttemptAt?.getTime() ?? 0) - row.updatedAt.getTime()).toBe(5_000);
  expect((row.relayAt?.getTime() ?? 0) - (row.nextAttemptAt?.getTime() ?? 0)).toBe(15_000);
  expect(hintsOf(deliveryId)).toMatchObject([{ deliveryId, series: 1, number: 2, delayMs: 5_000 }]);
  expect(await attemptsOf(world, deliveryId)).toMatchObject([
    { outcome: "refused", error: "connection refused", responseStatus: null, responseHeaders: null },
  ]);
});

test("a retry that is far off stays in Postgres until it is due", async () => {
  const { deliveryId } = await newDelivery(world, {
    retryPolicy: { delaysSeconds: [61], jitter: 0, finalStatuses: [] },
  });
  await attemptOnce(world, deliveryId, REFUSED);
  const row = await rowOf(world, deliveryId);
  expect(row).toMatchObject({ state: "pending", queuedAt: null, relayAt: row.nextAttemptAt });
  expect(hintsOf(deliveryId)).toEqual([]);
});

test("a whole series: each delay of its schedule, then failed", async () => {
  const { deliveryId } = await newDelivery(world, { retryPolicy: "baanx" });
  const settlements: unknown[] = [];
  for (let number = 1; number <= 6; number++) {
    const outcome = await attemptOnce(world, deliveryId, responded(503));
    settlements.push(outcome.outcome === "settled" && "delayMs" in outcome.settlement && outcome.settlement.delayMs);
    await shiftTime(world, deliveryId, 20_000);
  }
  expect(settlements).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, false]);
  expect(await rowOf(world, deliveryId)).toMatchObject({
    state: "failed",
    attemptsInSeries: 6,
    attemptsTotal: 6,
    lastError: "responded 503",
    lastResponseStatus: 503,
    relayAt: null,
  });
});

test("410 fails the delivery and disables the webhook, whose other deliveries are held when they come due", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  const other = only((await publishOne(world, organizationId)).deliveryIds);
  await attemptOnce(world, deliveryId, responded(410));
  expect((await rowOf(world, deliveryId)).state).toBe("failed");
  expect(await getWebhook(world.context, { organizationId, webhookId: webhook.id })).toMatchObject({
    state: "disabled",
    disabledReason: "the receiver answered 410 Gone",
    disabledAt: expect.any(Date),
  });
  await shiftTime(world, other, 10);
  await claimDeliveries(world.context, [other]);
  expect((await rowOf(world, other)).state).toBe("held");
});

test("many 410s of many webhooks at once disable them all", async () => {
  const deliveries = await Promise.all(Array.from({ length: 8 }, () => newDelivery(world)));
  const made = await Promise.all(
    deliveries.map(async ({ deliveryId }) => ({
      claim: await claimOne(world, deliveryId),
      result: responded(410),
      requestHeaders: {},
      sentAtMs: Date.now(),
    })),
  );
  await recordAttempts(world.context, made.toReversed());
  const rows = await world.db.webhook.findMany({ where: { id: { in: deliveries.map(({ webhook }) => webhook.id) } } });
  expect(rows.map(({ state }) => state)).toEqual(deliveries.map(() => "disabled"));
});

test("a late failure or 410 is kept and counted as an attempt, and moves nothing", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  const lost = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, FAR_LEASE_MS);
  await attemptOnce(world, deliveryId, responded(200));
  const settled = await rowOf(world, deliveryId);
  expect(await recordOne(world, lost, responded(410))).toEqual({ outcome: "late" });
  expect(await rowOf(world, deliveryId)).toEqual({ ...settled, attemptsTotal: 2 });
  expect((await attemptsOf(world, deliveryId)).map(({ number, responseStatus }) => [number, responseStatus])).toEqual([
    [1, 410],
    [2, 200],
  ]);
  expect((await getWebhook(world.context, { organizationId, webhookId: webhook.id })).state).toBe("enabled");
});

test("a result of a series that a retry ended is late too", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  const lost = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, FAR_LEASE_MS);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 10);
  await retryOne(world, { organizationId, deliveryId });
  const current = await claimOne(world, deliveryId);
  expect(current).toMatchObject({ series: 2, number: 1, trigger: "manual" });
  expect(await recordOne(world, lost, responded(200))).toEqual({ outcome: "late" });
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "in_flight", series: 2, attemptsTotal: 2 });
});

test("a late and a current attempt of one delivery in one batch are both kept and counted", async () => {
  const { deliveryId } = await newDelivery(world);
  const lost = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, FAR_LEASE_MS);
  const current = await claimOne(world, deliveryId);
  const outcomes = await recordAttempts(world.context, [
    { claim: lost, result: REFUSED, requestHeaders: {}, sentAtMs: Date.now() },
    { claim: current, result: responded(200), requestHeaders: {}, sentAtMs: Date.now() },
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["late", "settled"]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "succeeded", attemptsTotal: 2 });
  expect(await attemptsOf(world, deliveryId)).toHaveLength(2);
});

test("a late attempt counts also in a batch in which another delivery is settled", async () => {
  const late = await newDelivery(world);
  const lost = await claimOne(world, late.deliveryId);
  await shiftTime(world, late.deliveryId, FAR_LEASE_MS);
  await attemptOnce(world, late.deliveryId, responded(200));
  const current = await claimOne(world, (await newDelivery(world)).deliveryId);
  const made = [lost, current].map((claim) => ({ claim, result: REFUSED, requestHeaders: {}, sentAtMs: Date.now() }));
  expect((await recordAttempts(world.context, made)).map(({ outcome }) => outcome)).toEqual(["late", "settled"]);
  expect(await rowOf(world, late.deliveryId)).toMatchObject({ state: "succeeded", attemptsTotal: 2 });
});

test("what our own stop cut off is due at once, and the schedule goes on as if it had not been", async () => {
  const { deliveryId } = await newDelivery(world, { retryPolicy: "kallima" });
  await attemptOnce(world, deliveryId, ABORTED);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", attemptsTotal: 1 });
  expect(hintsOf(deliveryId)).toMatchObject([{ deliveryId, series: 1, number: 2, delayMs: 0 }]);
  await attemptOnce(world, deliveryId, REFUSED);
  expect((await rowOf(world, deliveryId)).state).toBe("failed");
});

test("a record that is repeated because its answer got lost changes nothing", async () => {
  const { deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  await recordOne(world, claim, REFUSED);
  const settled = await rowOf(world, deliveryId);
  expect(await recordOne(world, claim, REFUSED)).toEqual({ outcome: "late" });
  expect(await rowOf(world, deliveryId)).toEqual(settled);
  expect(await attemptsOf(world, deliveryId)).toHaveLength(1);
});

test("outcomes keep the order of the attempts", async () => {
  const first = await newDelivery(world);
  const second = await newDelivery(world);
  const claims = [await claimOne(world, second.deliveryId), await claimOne(world, first.deliveryId)];
  const outcomes = await recordAttempts(
    world.context,
    claims.map((claim, index) => ({
      claim,
      result: responded(index === 0 ? 200 : 500),
      requestHeaders: {},
      sentAtMs: Date.now(),
    })),
  );
  expect(outcomes).toMatchObject([{ settlement: { state: "succeeded" } }, { settlement: { state: "pending" } }]);
  expect((await rowOf(world, second.deliveryId)).state).toBe("succeeded");
});

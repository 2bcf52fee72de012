import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { SYSTEM } from "../src/audit-log/actor.js";
import { cancelDelivery } from "../src/deliveries/cancel.js";
import {
  RETRYABLE_STATES,
  type RetriedDelivery,
  retryDeliveries,
  type RetryOutcome,
  type RetryRequest,
} from "../src/deliveries/retry.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  attemptsOf,
  claimOne,
  deliveryOf,
  newDelivery,
  newOrganization,
  newWebhook,
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

const ONE_CHANCE = { retryPolicy: "kallima" } as const;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function retry(organizationId: string, deliveryId: string): Promise<RetryOutcome> {
  return (await retryOne(world, { organizationId, deliveryId })).outcome;
}

function requestFor(organizationId: string, ...deliveryIds: string[]): RetryRequest {
  return { organizationId, deliveryIds, states: RETRYABLE_STATES, receivedAtMs: performance.now(), actor: SYSTEM };
}

function outcomesOf(answers: RetriedDelivery[][]): RetryOutcome[][] {
  return answers.map((deliveries) => deliveries.map(({ outcome }) => outcome));
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
  expect(await retry(organizationId, deliveryId)).toBe("opened");
  expect(await deliveryOf(world, organizationId, deliveryId)).toMatchObject({
    id: before.id,
    number: before.number,
    state: "pending",
    series: 2,
    attemptsInSeries: 0,
    attemptsTotal: 1,
  });
  expect(world.hints.at(-1)).toMatchObject({ deliveryId, series: 2, number: 1, delayMs: 0 });
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
    expect(await retry(organizationId, deliveryId)).toBe("opened");
    expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", series: 2 });
  },
);

test("a delivery that waits for its first attempt is queued already", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, 1_000);
  const before = await rowOf(world, deliveryId);
  expect(await retryOne(world, { organizationId, deliveryId })).toEqual({
    deliveryId,
    outcome: "queued_already",
    series: 1,
  });
  expect(await rowOf(world, deliveryId)).toEqual(before);
});

test("a delivery in flight is left alone", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, 1_000);
  expect(await retry(organizationId, deliveryId)).toBe("in_flight");
  await recordOne(world, claim, responded(200));
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "succeeded", series: 1 });
});

test("a scheduled retry is pulled forward", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  expect(await retry(organizationId, deliveryId)).toBe("opened");
  expect(await claimOne(world, deliveryId)).toMatchObject({ series: 2, number: 1, place: 1, trigger: "manual" });
});

test("fifty retries at once open one series and hand over one hint", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const hintsBefore = world.hints.length;
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => retry(organizationId, deliveryId)));
  expect(outcomes.toSorted()).toEqual(["opened", ...Array.from({ length: 49 }, () => "queued_already")]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", series: 2 });
  expect(world.hints.slice(hintsBefore)).toMatchObject([{ deliveryId, series: 2, number: 1, delayMs: 0 }]);
});

test("fifty retries in one batch open one series and hand over one hint", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const hintsBefore = world.hints.length;
  const requests = Array.from({ length: 50 }, () => requestFor(organizationId, deliveryId));
  const [first, ...others] = await retryDeliveries(world.context, requests);
  expect(first).toEqual([{ deliveryId, outcome: "opened", series: 2 }]);
  expect(others).toEqual(others.map(() => [{ deliveryId, outcome: "queued_already", series: 2 }]));
  expect((await rowOf(world, deliveryId)).series).toBe(2);
  expect(world.hints.slice(hintsBefore)).toHaveLength(1);
});

test("a retry that came in before the last attempt was recorded is answered by that attempt", async () => {
  const { organizationId, deliveryId } = await newDelivery(world, ONE_CHANCE);
  await attemptOnce(world, deliveryId, REFUSED);
  const receivedAtMs = performance.now() - 1_000;
  expect(await retryOne(world, { organizationId, deliveryId, receivedAtMs })).toEqual({
    deliveryId,
    outcome: "queued_already",
    series: 1,
  });
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
  expect(await retrying).toBe("queued_already");
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
  expect(await retry(stranger, deliveryId)).toBe("not_found");
  expect(await retry(organizationId, uuidv7())).toBe("not_found");
  expect(await rowOf(world, deliveryId)).toEqual(before);
  const mixed = [stranger, organizationId, stranger].map((id) => requestFor(id, deliveryId));
  expect(outcomesOf(await retryDeliveries(world.context, mixed))).toEqual([["not_found"], ["opened"], ["not_found"]]);
});

test("a retry of another state than those asked for opens nothing", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const before = await rowOf(world, deliveryId);
  const asked = { organizationId, deliveryId, states: ["succeeded", "retrying"] } as const;
  expect((await retryOne(world, asked)).outcome).toBe("ineligible");
  expect(await rowOf(world, deliveryId)).toEqual(before);
});

test("a scheduled retry counts as retrying, not as pending", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  expect((await retryOne(world, { organizationId, deliveryId, states: ["failed"] })).outcome).toBe("ineligible");
  expect((await retryOne(world, { organizationId, deliveryId, states: ["retrying"] })).outcome).toBe("opened");
});

/** An organization with failed deliveries, one for each of its webhooks. */
async function failedDeliveries(count: number) {
  const organizationId = await newOrganization(world);
  const webhooks = [];
  for (let made = 0; made < count; made++) webhooks.push(await newWebhook(world, organizationId, ONE_CHANCE));
  const { deliveryIds } = await publishOne(world, organizationId);
  for (const deliveryId of deliveryIds) {
    await attemptOnce(world, deliveryId, REFUSED);
    await shiftTime(world, deliveryId, 1_000);
  }
  return { organizationId, webhooks, deliveryIds };
}

test("one request retries many deliveries, and answers for each in its order", async () => {
  const { organizationId, deliveryIds } = await failedDeliveries(3);
  const asked = deliveryIds.toReversed();
  const [answers] = await retryDeliveries(world.context, [requestFor(organizationId, ...asked)]);
  expect(answers).toEqual(asked.map((deliveryId) => ({ deliveryId, outcome: "opened", series: 2 })));
  const hints = world.hints.slice(-3).map(({ deliveryId, series }) => [deliveryId, series]);
  expect(hints).toEqual(asked.map((deliveryId) => [deliveryId, 2]));
});

test("a delivery that stands twice in a request is opened once", async () => {
  const { organizationId, deliveryId } = await failedDelivery();
  const answers = await retryDeliveries(world.context, [requestFor(organizationId, deliveryId, deliveryId)]);
  expect(outcomesOf(answers)).toEqual([["opened", "queued_already"]]);
  expect((await rowOf(world, deliveryId)).series).toBe(2);
});

test("a request of which one delivery is unknown opens nothing, and hands nothing over", async () => {
  const { organizationId, deliveryIds } = await failedDeliveries(2);
  const hintsBefore = world.hints.length;
  const request = requestFor(organizationId, ...deliveryIds, uuidv7());
  expect(outcomesOf(await retryDeliveries(world.context, [request]))).toEqual([
    ["not_opened", "not_opened", "not_found"],
  ]);
  for (const deliveryId of deliveryIds)
    expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", series: 1 });
  expect(world.hints).toHaveLength(hintsBefore);
});

test.each([
  ["disabled", disableWebhook],
  ["archived", archiveWebhook],
] as const)("a request of which one webhook is %s opens nothing", async (webhookState, change) => {
  const { organizationId, webhooks, deliveryIds } = await failedDeliveries(2);
  await change(world.context, { organizationId, webhookId: webhooks[0]?.id ?? "" }, "by hand");
  const [first = "", second = ""] = deliveryIds;
  expect(outcomesOf(await retryDeliveries(world.context, [requestFor(organizationId, first, second)]))).toEqual([
    [`webhook_${webhookState}`, "not_opened"],
  ]);
  expect(await rowOf(world, second)).toMatchObject({ state: "failed", series: 1 });
});

test("a delivery that is passed over does not stand in the way of the others", async () => {
  const { organizationId, deliveryIds } = await failedDeliveries(2);
  const [first = "", second = ""] = deliveryIds;
  await setState(first, "succeeded");
  const request: RetryRequest = { ...requestFor(organizationId, first, second), states: ["failed"] };
  expect(outcomesOf(await retryDeliveries(world.context, [request]))).toEqual([["ineligible", "opened"]]);
});

test("a request that opens nothing does not keep one of the same batch from opening", async () => {
  const { organizationId, deliveryIds } = await failedDeliveries(1);
  const [deliveryId = ""] = deliveryIds;
  const requests = [requestFor(organizationId, deliveryId, uuidv7()), requestFor(organizationId, deliveryId)];
  expect(outcomesOf(await retryDeliveries(world.context, requests))).toEqual([["not_opened", "not_found"], ["opened"]]);
  expect((await rowOf(world, deliveryId)).series).toBe(2);
});

test("another organization's retry does not wait for the delivery's lock", async () => {
  const { deliveryId } = await failedDelivery();
  const stranger = await newOrganization(world);
  await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM deliveries WHERE id = ${deliveryId}::uuid FOR UPDATE`;
    expect(await retry(stranger, deliveryId)).toBe("not_found");
  });
});

test.each([
  ["disabled", disableWebhook],
  ["archived", archiveWebhook],
] as const)("a delivery of a webhook that is %s is not retried", async (webhookState, change) => {
  const { organizationId, webhook, deliveryId } = await failedDelivery();
  await change(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  expect(await retry(organizationId, deliveryId)).toBe(`webhook_${webhookState}`);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", series: 1 });
});

test("a delivery is retried again once its webhook is enabled", async () => {
  const { organizationId, webhook, deliveryId } = await failedDelivery();
  await disableWebhook(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  await enableWebhook(world.context, { organizationId, webhookId: webhook.id });
  expect(await retry(organizationId, deliveryId)).toBe("opened");
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
  expect(await retry(organizationId, deliveryId)).toBe("not_found");
});

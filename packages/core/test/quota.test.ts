import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SYSTEM } from "../src/audit-log/actor.js";
import { RETRYABLE_STATES, type RetryOutcome, retryDeliveries } from "../src/deliveries/retry.js";
import { setDeliveryQuota } from "../src/organizations/quota.js";
import { disableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  newOrganization,
  newWebhook,
  openWorld,
  publishOne,
  REFUSED,
  responded,
  retryOne,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function setQuota(organizationId: string, deliveriesPerMonth: number | null): Promise<void> {
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth });
}

/** An organization with so many webhooks and a quota. */
async function newLimited(quota: number, webhooks = 1) {
  const organizationId = await newOrganization(world);
  const made = [];
  for (let count = 0; count < webhooks; count++) {
    made.push(await newWebhook(world, organizationId, { retryPolicy: "kallima" }));
  }
  await setQuota(organizationId, quota);
  return { organizationId, webhooks: made };
}

async function statesOf(deliveryIds: readonly string[]): Promise<string[]> {
  const rows = await Promise.all(deliveryIds.map((deliveryId) => rowOf(world, deliveryId)));
  return rows.map(({ state }) => state);
}

async function usedBy(organizationId: string): Promise<number> {
  return (await world.db.organization.findUniqueOrThrow({ where: { id: organizationId } })).quotaUsed;
}

/** Pretends that what was used so far was used in another month. */
async function turnMonth(organizationId: string): Promise<void> {
  await world.db.$executeRaw`
    UPDATE organizations SET quota_month = quota_month - interval '1 month' WHERE id = ${organizationId}::uuid`;
}

function retry(organizationId: string, ...deliveryIds: string[]): Promise<RetryOutcome[]> {
  const request = {
    organizationId,
    deliveryIds,
    states: RETRYABLE_STATES,
    receivedAtMs: performance.now(),
    actor: SYSTEM,
  };
  return retryDeliveries(world.context, [request]).then(([answers = []]) => answers.map(({ outcome }) => outcome));
}

test("deliveries beyond the quota are made and skipped, and handed to nobody", async () => {
  const { organizationId } = await newLimited(3, 2);
  const first = await publishOne(world, organizationId);
  const second = await publishOne(world, organizationId);
  const third = await publishOne(world, organizationId);
  expect(await statesOf(first.deliveryIds)).toEqual(["pending", "pending"]);
  expect((await statesOf(second.deliveryIds)).toSorted()).toEqual(["pending", "skipped"]);
  expect(await statesOf(third.deliveryIds)).toEqual(["skipped", "skipped"]);
  expect(await usedBy(organizationId)).toBe(3);
  expect(world.hints.filter(({ deliveryId }) => third.deliveryIds.includes(deliveryId))).toEqual([]);
  expect(await rowOf(world, third.deliveryIds[0] ?? "")).toMatchObject({ relayAt: null, nextAttemptAt: null });
});

test("what is held for a disabled webhook is counted too", async () => {
  const { organizationId, webhooks } = await newLimited(1);
  await disableWebhook(world.context, { organizationId, webhookId: webhooks[0]?.id ?? "" }, "by hand");
  const { deliveryIds: held } = await publishOne(world, organizationId);
  const { deliveryIds: skipped } = await publishOne(world, organizationId);
  expect(await statesOf([...held, ...skipped])).toEqual(["held", "skipped"]);
});

test("of publishes at once, no more than the quota goes out", async () => {
  const { organizationId } = await newLimited(5);
  const published = await Promise.all(Array.from({ length: 20 }, () => publishOne(world, organizationId)));
  const states = await statesOf(published.flatMap(({ deliveryIds }) => deliveryIds));
  expect(states.filter((state) => state === "pending")).toHaveLength(5);
  expect(states.filter((state) => state === "skipped")).toHaveLength(15);
  expect(await usedBy(organizationId)).toBe(5);
});

test("an organization without quota is not counted, and another's quota is not its own", async () => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  await newLimited(0);
  const { deliveryIds } = await publishOne(world, organizationId);
  expect(await statesOf(deliveryIds)).toEqual(["pending"]);
  expect(await usedBy(organizationId)).toBe(0);
});

test("a skipped delivery is not retried while there is no quota, and stays as it is", async () => {
  const { organizationId } = await newLimited(0);
  const { deliveryIds } = await publishOne(world, organizationId);
  expect(await retry(organizationId, ...deliveryIds)).toEqual(["quota_exhausted"]);
  expect(await statesOf(deliveryIds)).toEqual(["skipped"]);
});

test("a skipped delivery is retried once there is quota, and is counted then", async () => {
  const { organizationId } = await newLimited(0);
  const { deliveryIds } = await publishOne(world, organizationId);
  const [deliveryId = ""] = deliveryIds;
  await setQuota(organizationId, 1);
  expect(await retry(organizationId, deliveryId)).toEqual(["opened"]);
  expect(await usedBy(organizationId)).toBe(1);
  await attemptOnce(world, deliveryId, responded(200));
  expect(await statesOf(deliveryIds)).toEqual(["succeeded"]);
});

test("a delivery that was counted when it was made is not counted again, but waits for quota too", async () => {
  const { organizationId } = await newLimited(2);
  const { deliveryIds } = await publishOne(world, organizationId);
  const [deliveryId = ""] = deliveryIds;
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  expect(await retry(organizationId, deliveryId)).toEqual(["opened"]);
  expect(await usedBy(organizationId)).toBe(1);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  await setQuota(organizationId, 1);
  expect(await retry(organizationId, deliveryId)).toEqual(["quota_exhausted"]);
});

test("a request for more skipped deliveries than the quota has left opens none of them", async () => {
  const { organizationId } = await newLimited(0, 3);
  const { deliveryIds } = await publishOne(world, organizationId);
  await setQuota(organizationId, 2);
  const outcomes = await retry(organizationId, ...deliveryIds);
  expect(outcomes).toEqual(["not_opened", "not_opened", "quota_exhausted"]);
  expect(await statesOf(deliveryIds)).toEqual(["skipped", "skipped", "skipped"]);
  expect(await usedBy(organizationId)).toBe(0);
  expect(await retry(organizationId, ...deliveryIds.slice(1))).toEqual(["opened", "opened"]);
  expect(await usedBy(organizationId)).toBe(2);
});

test("of retries in one batch, no more than the quota opens", async () => {
  const { organizationId } = await newLimited(0, 3);
  const { deliveryIds } = await publishOne(world, organizationId);
  await setQuota(organizationId, 2);
  const requests = deliveryIds.map((deliveryId) => ({
    organizationId,
    deliveryIds: [deliveryId],
    states: RETRYABLE_STATES,
    receivedAtMs: performance.now(),
    actor: SYSTEM,
  }));
  const answers = await retryDeliveries(world.context, requests);
  expect(answers.flat().map(({ outcome }) => outcome)).toEqual(["opened", "opened", "quota_exhausted"]);
  expect(await usedBy(organizationId)).toBe(2);
});

test("the last of the quota taken by two retries of the same delivery opens it once", async () => {
  const { organizationId } = await newLimited(0);
  const { deliveryIds } = await publishOne(world, organizationId);
  await setQuota(organizationId, 1);
  expect(await retry(organizationId, ...deliveryIds, ...deliveryIds)).toEqual(["opened", "queued_already"]);
  expect(await usedBy(organizationId)).toBe(1);
});

test("a new month begins with the whole quota, for publishes and for retries", async () => {
  const { organizationId } = await newLimited(1);
  await publishOne(world, organizationId);
  const { deliveryIds: skipped } = await publishOne(world, organizationId);
  expect(await statesOf(skipped)).toEqual(["skipped"]);
  await turnMonth(organizationId);
  const { deliveryIds } = await publishOne(world, organizationId);
  expect(await statesOf(deliveryIds)).toEqual(["pending"]);
  expect(await usedBy(organizationId)).toBe(1);
  expect(await retry(organizationId, ...skipped)).toEqual(["quota_exhausted"]);
  await turnMonth(organizationId);
  expect(await retry(organizationId, ...skipped)).toEqual(["opened"]);
  expect(await usedBy(organizationId)).toBe(1);
});

test("a quota that is lifted stops nothing any more", async () => {
  const { organizationId } = await newLimited(0);
  const { deliveryIds } = await publishOne(world, organizationId);
  await setQuota(organizationId, null);
  const [deliveryId = ""] = deliveryIds;
  expect((await retryOne(world, { organizationId, deliveryId })).outcome).toBe("opened");
});

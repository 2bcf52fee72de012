import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { replayDelivery } from "../src/deliveries/replay.js";
import { setDeliveryQuota } from "../src/organizations/quota.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  claimOne,
  newDelivery,
  newOrganization,
  openWorld,
  recordOne,
  responded,
  rowOf,
  type World,
} from "./world.js";

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function replay(organizationId: string, deliveryId: string): Promise<string> {
  const replayed = await replayDelivery(world.context, { organizationId, deliveryId });
  if (replayed.outcome !== "queued") throw new Error(`not replayed: ${replayed.outcome}`);
  return replayed.deliveryId;
}

function countDeliveries(organizationId: string): Promise<number> {
  return world.db.delivery.count({ where: { organizationId } });
}

test("a replay is a new record of the same event for the same webhook; the old one stays as it is", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, responded(200));
  const before = await rowOf(world, deliveryId);
  const replayedId = await replay(organizationId, deliveryId);
  expect(replayedId).not.toBe(deliveryId);
  const replayed = await rowOf(world, replayedId);
  expect(replayed).toMatchObject({ organizationId, eventId, webhookId: webhook.id, state: "pending", series: 1 });
  expect(replayed.number).toBeGreaterThan(before.number);
  expect(world.hints.at(-1)).toEqual({ deliveryId: replayedId, series: 1, number: 1, delayMs: 0 });
  await attemptOnce(world, replayedId, responded(200));
  expect((await rowOf(world, replayedId)).state).toBe("succeeded");
  expect(await rowOf(world, deliveryId)).toEqual(before);
});

test("what is pending or in flight is replayed too", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await replay(organizationId, deliveryId);
  const claim = await claimOne(world, deliveryId);
  await replay(organizationId, deliveryId);
  await recordOne(world, claim, responded(200));
  expect(await countDeliveries(organizationId)).toBe(3);
});

test("an unknown and another organization's delivery are not found, and nothing is made", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  const stranger = await newOrganization(world);
  expect(await replayDelivery(world.context, { organizationId: stranger, deliveryId })).toEqual({
    outcome: "not_found",
  });
  expect(await replayDelivery(world.context, { organizationId, deliveryId: uuidv7() })).toEqual({
    outcome: "not_found",
  });
  expect(await countDeliveries(stranger)).toBe(0);
});

test.each([
  ["disabled", disableWebhook],
  ["archived", archiveWebhook],
] as const)("a delivery of a webhook that is %s is not replayed", async (state, change) => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  await change(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  expect(await replayDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: `webhook_${state}` });
  expect(await countDeliveries(organizationId)).toBe(1);
});

test("a replay is counted by the quota, and without quota nothing is made", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 1 });
  await replay(organizationId, deliveryId);
  expect(await replayDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: "quota_exhausted" });
  expect(await countDeliveries(organizationId)).toBe(2);
});

test("of replays at once, no more than the quota is made", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 3 });
  const asked = Array.from({ length: 8 }, () => replayDelivery(world.context, { organizationId, deliveryId }));
  const outcomes = (await Promise.all(asked)).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(3);
  expect(await countDeliveries(organizationId)).toBe(4);
});

import { dropPartitions, makePartitions } from "@homing/db/partitions";
import { waitFor } from "@homing/local/wait-for";
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

const DAY_MS = 24 * 60 * 60 * 1000;

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
  expect(world.hints.at(-1)).toMatchObject({ deliveryId: replayedId, series: 1, number: 1, delayMs: 0 });
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

test("a delivery whose event is gone is not found, nothing is made and nothing is counted", async () => {
  const { organizationId, eventId, deliveryId } = await newDelivery(world);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 1 });
  await world.db.event.delete({ where: { id: eventId } });
  expect(await replayDelivery(world.context, { organizationId, deliveryId })).toEqual({ outcome: "not_found" });
  expect(await countDeliveries(organizationId)).toBe(1);
  const organization = await world.db.organization.findUniqueOrThrow({ where: { id: organizationId } });
  expect(organization.quotaUsed).toBe(0);
});

test("an old event that is replayed while retention is about to take it stays", async () => {
  const { organizationId, webhook } = await newDelivery(world);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 1 });
  const msecs = Date.now() - 60 * DAY_MS;
  await makePartitions(world.db, msecs);
  const eventId = uuidv7({ msecs });
  const deliveryId = uuidv7();
  await world.db.$executeRaw`
    INSERT INTO events (id, organization_id, type, payload, occurred_at, matched_webhooks)
    VALUES (${eventId}::uuid, ${organizationId}::uuid, 'invoice.paid', '{}', now(), 1)`;
  await world.db.$executeRaw`
    INSERT INTO deliveries (id, organization_id, event_id, webhook_id, state)
    VALUES (${deliveryId}::uuid, ${organizationId}::uuid, ${eventId}::uuid, ${webhook.id}::uuid, 'held')`;
  const retention = { nowMs: Date.now(), retentionMs: 30 * DAY_MS };
  // Leaves this week of events alone to be dropped.
  await dropPartitions(world.db, retention);
  await world.db.delivery.update({ where: { id: deliveryId }, data: { state: "failed" } });
  const underWay: Promise<unknown>[] = [];
  await world.db.$transaction(async (transaction) => {
    // Holds the replay up between its look at the event and the new delivery.
    await transaction.$queryRaw`SELECT id FROM organizations WHERE id = ${organizationId}::uuid FOR UPDATE`;
    underWay.push(replay(organizationId, deliveryId));
    await waitFor(() => isWaitedFor("transactionid"), { what: "the replay to wait" });
    underWay.push(dropPartitions(world.db, retention));
    await waitFor(() => isWaitedFor("relation"), { what: "retention to wait" });
  });
  await Promise.all(underWay);
  expect(await world.db.event.count({ where: { id: eventId } })).toBe(1);
});

async function isWaitedFor(kind: "transactionid" | "relation"): Promise<boolean> {
  const [row] = await world.db.$queryRaw<{ waiting: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE NOT granted AND locktype = ${kind} AND datname = current_database()
    ) AS waiting`;
  return row?.waiting ?? false;
}

test("of replays at once, no more than the quota is made", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 3 });
  const asked = Array.from({ length: 8 }, () => replayDelivery(world.context, { organizationId, deliveryId }));
  const outcomes = (await Promise.all(asked)).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(3);
  expect(await countDeliveries(organizationId)).toBe(4);
});

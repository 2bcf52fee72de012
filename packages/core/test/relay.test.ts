import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { relayDeliveries } from "../src/deliveries/relay.js";
import { releaseHeld } from "../src/deliveries/release-held.js";
import { publishEvents } from "../src/events/publish.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import { parkDeliveries } from "../src/lanes/park.js";
import { pullLines } from "../src/lanes/pull.js";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { groupHints } from "../src/shares/group-hints.js";
import {
  attemptOnce,
  claimOne,
  newDelivery,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  REFUSED,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const PATIENCE_MS = 15_000;
const LEASE_MS = 10_000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

// The relay looks at all organizations.
beforeEach(async () => {
  await world.db.delivery.deleteMany();
  world.hints.length = 0;
});

/** @returns the ids of the deliveries that one statement made */
async function publishMany(organizationId: string, events: number): Promise<string[]> {
  const before = await world.db.delivery.findMany({ where: { organizationId }, select: { id: true } });
  const known = new Set(before.map(({ id }) => id));
  const request = { organizationId, events: Array.from({ length: events }, () => ({ type: "a.b", payload: "{}" })) };
  await publishEvents(world.context, [request]);
  const rows = await world.db.delivery.findMany({ where: { organizationId }, select: { id: true } });
  return rows
    .map(({ id }) => id)
    .filter((id) => !known.has(id))
    .toSorted();
}

function relay(options: { limit?: number; lostAgeMs?: number | null } = {}): Promise<number> {
  return relayDeliveries(world.context, { limit: 1_000, lostAgeMs: null, ...options }).then(
    ({ handedOver }) => handedOver,
  );
}

test("a hint in the queue is left alone until its patience has run out, then it is handed over again, once", async () => {
  const { deliveryId } = await newDelivery(world);
  world.hints.length = 0;
  await shiftTime(world, deliveryId, PATIENCE_MS - 2_000);
  expect(await relay()).toBe(0);
  await shiftTime(world, deliveryId, 3_000);
  expect(await relay()).toBe(1);
  expect(world.hints).toMatchObject([{ deliveryId, series: 1, number: 1, delayMs: 0 }]);
  expect(only(world.hints)).not.toHaveProperty("isOverdue");
  expect(await relay()).toBe(0);
});

test("what waits for longer is repeated with those that it was handed over with, each time after as long again", async () => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  const publish = (events: number) => publishMany(organizationId, events);
  const [first, second] = [await publish(3), await publish(2)];
  const all = [...first, ...second];
  const sets: string[][] = [];
  // At 16 and 40 s after the publish; the next is not before 80.
  for (const [tooEarlyMs, thenMs] of [
    [14_000, 2_000],
    [14_000, 10_000],
    [30_000, 20_000],
  ] as const) {
    world.hints.length = 0;
    for (const id of all) await shiftTime(world, id, tooEarlyMs);
    expect(await relay()).toBe(0);
    for (const id of all) await shiftTime(world, id, thenMs);
    expect(await relay()).toBe(all.length);
    const jobs = groupHints(world.hints);
    sets.push(jobs.flatMap((job) => (job[0]?.set === undefined ? [] : [job[0].set])));
    expect(jobs.map((job) => job.map(({ deliveryId }) => deliveryId).toSorted())).toEqual([first, second]);
  }
  expect(sets.map((each) => new Set(each).size)).toEqual([2, 2, 2]);
});

test("a retry that was kept in Postgres is handed over when it comes due", async () => {
  const { deliveryId } = await newDelivery(world, {
    retryPolicy: { delaysSeconds: [3600], jitter: 0, finalStatuses: [] },
  });
  await attemptOnce(world, deliveryId, REFUSED);
  world.hints.length = 0;
  expect(await relay()).toBe(0);
  await shiftTime(world, deliveryId, 3_600_000);
  expect(await relay()).toBe(1);
  expect(world.hints).toMatchObject([{ deliveryId, series: 1, number: 2, delayMs: 0, isOverdue: true }]);
});

test("an expired lease is handed over with the next number, one that holds is not", async () => {
  const { deliveryId } = await newDelivery(world);
  await claimOne(world, deliveryId);
  world.hints.length = 0;
  await shiftTime(world, deliveryId, LEASE_MS - 2_000);
  expect(await relay()).toBe(0);
  await shiftTime(world, deliveryId, 3_000);
  expect(await relay()).toBe(1);
  expect(world.hints).toMatchObject([{ deliveryId, series: 1, number: 2, delayMs: 0 }]);
  expect((await rowOf(world, deliveryId)).state).toBe("in_flight");
});

test("one that was left behind is brought again under a name of its own: its first hint may wait for a wrong clock", async () => {
  const { deliveryId } = await newDelivery(world);
  await claimOne(world, deliveryId);
  world.hints.length = 0;
  await shiftTime(world, deliveryId, LEASE_MS + 1_000);
  expect(await relay()).toBe(1);
  await shiftTime(world, deliveryId, PATIENCE_MS + 1_000);
  expect(await relay()).toBe(1);
  const [first, second] = world.hints;
  expect(first).not.toHaveProperty("isOverdue");
  expect([first, second]).toMatchObject([{ isTakenOver: true }, { isTakenOver: true, isOverdue: true }]);
});

test("what the relay brings, when it is due, left behind or lost with the queue, is brought again after the usual patience", async () => {
  const settings = { retryPolicy: { delaysSeconds: [3600], jitter: 0, finalStatuses: [] } };
  const [late, orphan, lost] = [await newDelivery(world, settings), await newDelivery(world), await newDelivery(world)];
  await attemptOnce(world, late.deliveryId, REFUSED);
  await shiftTime(world, late.deliveryId, 3_600_000);
  await claimOne(world, orphan.deliveryId);
  await shiftTime(world, orphan.deliveryId, LEASE_MS + 1_000);
  await shiftTime(world, lost.deliveryId, 1_000);
  expect(await relay({ lostAgeMs: 500 })).toBe(3);
  for (const { deliveryId } of [late, orphan, lost]) await shiftTime(world, deliveryId, PATIENCE_MS - 2_000);
  expect(await relay()).toBe(0);
  for (const { deliveryId } of [late, orphan, lost]) await shiftTime(world, deliveryId, 3_000);
  expect(await relay()).toBe(3);
});

test("relays at once hand over each delivery once, at most the limit each, the longest due first", async () => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  const ids: string[] = [];
  for (let index = 0; index < 40; index++) ids.push(only((await publishOne(world, organizationId)).deliveryIds));
  for (const [index, id] of ids.entries()) await shiftTime(world, id, 60_000 + index * 1_000);
  world.hints.length = 0;
  expect(await relay({ limit: 4 })).toBe(4);
  expect(world.hints.map(({ deliveryId }) => deliveryId).toSorted()).toEqual(ids.slice(-4).toSorted());
  const handedOver = await Promise.all(Array.from({ length: 5 }, () => relay({ limit: 10 })));
  const total = handedOver.reduce((sum, count) => sum + count, 0) + (await relay());
  expect(total).toBe(36);
  expect(world.hints.map(({ deliveryId }) => deliveryId).toSorted()).toEqual(ids.toSorted());
});

test("a relay passes over what another holds, without waiting for it", async () => {
  const held = await newDelivery(world);
  const free = await newDelivery(world);
  for (const { deliveryId } of [held, free]) await shiftTime(world, deliveryId, PATIENCE_MS + 1_000);
  world.hints.length = 0;
  await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM deliveries WHERE id = ${held.deliveryId}::uuid FOR UPDATE`;
    expect(await relay()).toBe(1);
  });
  expect(world.hints.map(({ deliveryId }) => deliveryId)).toEqual([free.deliveryId]);
});

test("finished, held and cancelled deliveries are never handed over", async () => {
  const { deliveryId } = await newDelivery(world, { retryPolicy: "kallima" });
  await attemptOnce(world, deliveryId, REFUSED);
  const { organizationId, webhook, deliveryId: held } = await newDelivery(world);
  await disableWebhook(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  await shiftTime(world, held, 10);
  await claimDeliveries(world.context, [held]);
  expect(await relay({ lostAgeMs: 0 })).toBe(0);
});

test("after the queue was lost everything handed over before is handed over again, with its delay, and once", async () => {
  const due = await newDelivery(world);
  const later = await newDelivery(world);
  await attemptOnce(world, later.deliveryId, REFUSED);
  const inFlight = await newDelivery(world);
  await claimOne(world, inFlight.deliveryId);
  world.hints.length = 0;
  expect(await relay({ lostAgeMs: 60_000 })).toBe(0);
  for (const { deliveryId } of [due, later, inFlight]) await shiftTime(world, deliveryId, 1_000);
  expect(await relay({ lostAgeMs: 500 })).toBe(2);
  const byDelivery = new Map(world.hints.map((hint) => [hint.deliveryId, hint]));
  expect(byDelivery.get(due.deliveryId)).toMatchObject({ series: 1, number: 1, delayMs: 0 });
  const delayMs = byDelivery.get(later.deliveryId)?.delayMs ?? 0;
  expect(byDelivery.get(later.deliveryId)).toMatchObject({ series: 1, number: 2 });
  expect(delayMs).toBeGreaterThan(2_000);
  expect(delayMs).toBeLessThanOrEqual(4_000);
  expect(await relay({ lostAgeMs: 500 })).toBe(0);
});

test("with the queue away a relay does not lose what it took, and gives it to the next round at once", async () => {
  const { deliveryId } = await newDelivery(world);
  world.hints.length = 0;
  await shiftTime(world, deliveryId, PATIENCE_MS + 1_000);
  world.setQueueAway(true);
  await relay();
  world.setQueueAway(false);
  expect(await relay()).toBe(1);
  expect(world.hints).toHaveLength(1);
});

async function heldDeliveries(count: number) {
  const organizationId = await newOrganization(world);
  const webhook = await newWebhook(world, organizationId);
  const name = { organizationId, webhookId: webhook.id };
  await disableWebhook(world.context, name, "by hand");
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push(only((await publishOne(world, organizationId)).deliveryIds));
  return { name, ids };
}

test("an enabled webhook's held deliveries are released oldest first, so many at a time for each webhook", async () => {
  const first = await heldDeliveries(5);
  const second = await heldDeliveries(1);
  expect(await releaseHeld(world.context, { limit: 2 })).toBe(0);
  await enableWebhook(world.context, first.name);
  await enableWebhook(world.context, second.name);
  expect(await releaseHeld(world.context, { limit: 2 })).toBe(3);
  const states = await Promise.all(first.ids.map(async (id) => (await rowOf(world, id)).state));
  expect(states).toEqual(["pending", "pending", "held", "held", "held"]);
  expect(await releaseHeld(world.context, { limit: 2 })).toBe(2);
  expect(await releaseHeld(world.context, { limit: 2 })).toBe(1);
  expect(await releaseHeld(world.context, { limit: 2 })).toBe(0);
});

test("a delivery that is held after the enable, by a publish that read the webhook before it, is released too", async () => {
  const { name, ids } = await heldDeliveries(2);
  const late = ids[1] ?? "";
  await world.db.$executeRaw`UPDATE deliveries SET state = 'cancelled' WHERE id = ${late}::uuid`;
  await enableWebhook(world.context, name);
  expect(await releaseHeld(world.context, { limit: 10 })).toBe(1);
  expect(await releaseHeld(world.context, { limit: 10 })).toBe(0);
  await world.db.$executeRaw`UPDATE deliveries SET state = 'held' WHERE id = ${late}::uuid`;
  expect(await releaseHeld(world.context, { limit: 10 })).toBe(1);
  expect((await rowOf(world, late)).state).toBe("pending");
});

test("a release ends when its time is over and none is left, also in the webhook's line", async () => {
  const { name } = await heldDeliveries(2);
  await enableWebhook(world.context, name);
  await world.db.webhook.update({ where: { id: name.webhookId }, data: { releasingUntil: new Date(Date.now() - 1) } });
  const releasing = async () =>
    (await world.db.webhook.findUniqueOrThrow({ where: { id: name.webhookId } })).releasingUntil;
  expect(await releaseHeld(world.context, { limit: 1 })).toBe(1);
  expect(await releaseHeld(world.context, { limit: 1 })).toBe(1);
  expect(await releasing()).not.toBeNull();
  expect(await releaseHeld(world.context, { limit: 1 })).toBe(0);
  expect(await releasing()).not.toBeNull();
  // What was published since and stands behind them does not hold it up.
  const { deliveryIds } = await publishOne(world, name.organizationId);
  await parkDeliveries(world.context, deliveryIds);
  await pullLines(world.context, [{ webhookId: name.webhookId, wanted: 2 }]);
  expect(await releaseHeld(world.context, { limit: 1 })).toBe(0);
  expect(await releasing()).toBeNull();
});

test("a webhook that is disabled again keeps what it holds; one that is archived has it cancelled by its claim", async () => {
  const kept = await heldDeliveries(1);
  await enableWebhook(world.context, kept.name);
  await disableWebhook(world.context, kept.name, "again");
  const gone = await heldDeliveries(1);
  await archiveWebhook(world.context, gone.name);
  expect(await releaseHeld(world.context, { limit: 10 })).toBe(1);
  await pullLines(world.context, [{ webhookId: gone.name.webhookId, wanted: 1 }]);
  await claimDeliveries(world.context, [...kept.ids, ...gone.ids]);
  expect((await rowOf(world, only(kept.ids))).state).toBe("held");
  expect((await rowOf(world, only(gone.ids))).state).toBe("cancelled");
});

test("released deliveries leave their line in the order of their events, also those of one batch", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId);
  await disableWebhook(world.context, { organizationId, webhookId }, "test");
  const events = Array.from({ length: 40 }, () => ({ type: "a.b", payload: "{}" }));
  await publishEvents(world.context, [{ organizationId, events }]);
  await enableWebhook(world.context, { organizationId, webhookId });
  const pull = async () => (await pullLines(world.context, [{ webhookId, wanted: 10 }]))[0]?.deliveries ?? 0;
  while ((await releaseHeld(world.context, { limit: 15 })) > 0) await pull();
  while ((await pull()) > 0);
  const rows = await world.db.delivery.findMany({ orderBy: { eventId: "asc" } });
  expect(world.hints.map(({ deliveryId }) => deliveryId)).toEqual(rows.map(({ id }) => id));
  expect(world.hints).toHaveLength(40);
});

import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { releaseHeld } from "../src/deliveries/release-held.js";
import { publishEvents } from "../src/events/publish.js";
import { closeCircuit, openCircuit, reopenCircuit } from "../src/lanes/circuit.js";
import { parkDeliveries } from "../src/lanes/park.js";
import { pullDueLines, pullLines } from "../src/lanes/pull.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import { updateWebhook } from "../src/webhooks/update.js";
import type { WebhookSettings } from "../src/webhooks/webhook.js";
import {
  claimOne,
  newDelivery,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  recordOne,
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

beforeEach(() => {
  world.hints.length = 0;
});

interface Line {
  organizationId: string;
  webhookId: string;
  /** In the order of publishing. */
  ids: string[];
}

/** A webhook and so many deliveries of it, published in one request. */
async function publishMany(count: number, settings: Partial<WebhookSettings> = {}): Promise<Line> {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId, settings);
  return { organizationId, webhookId, ids: await publishMore(organizationId, webhookId, count) };
}

async function publishMore(organizationId: string, webhookId: string, count: number): Promise<string[]> {
  if (count === 0) return [];
  const events = Array.from({ length: count }, () => ({ type: "a.b", payload: "{}" }));
  const [outcome] = await publishEvents(world.context, [{ organizationId, events }]);
  if (outcome?.outcome !== "published") throw new Error("not published");
  const eventIds = outcome.events.map(({ id }) => id);
  const rows = await world.db.delivery.findMany({ where: { webhookId, eventId: { in: eventIds } } });
  return eventIds.map((eventId) => only(rows.filter((row) => row.eventId === eventId)).id);
}

/** Takes up to so many from a line; their ids, in the order in which they were handed over. */
async function pull(webhookId: string, wanted = 100): Promise<string[]> {
  const before = world.hints.length;
  await pullLines(world.context, [{ webhookId, wanted }]);
  return world.hints.slice(before).map(({ deliveryId }) => deliveryId);
}

async function claimPulled(deliveryId: string) {
  await shiftTime(world, deliveryId, 10);
  const [outcome] = await claimDeliveries(world.context, [deliveryId], { pulledIds: [deliveryId] });
  if (outcome?.outcome !== "claimed") throw new Error(`not claimed: ${outcome?.outcome}`);
  return outcome.claim;
}

function lineOf(webhookId: string) {
  return world.db.webhookLine.findUnique({ where: { webhookId } });
}

/** Brings the next look at a line nearer, instead of waiting. */
async function endPause(webhookId: string): Promise<void> {
  await world.db.webhookLine.update({ where: { webhookId }, data: { pullAt: new Date(Date.now() - 1_000) } });
}

async function circuitOf(webhookId: string): Promise<string> {
  return (await world.db.webhook.findUniqueOrThrow({ where: { id: webhookId } })).circuit;
}

/** What pulls handed over of one webhook, in their order. */
function pulledOf(webhookId: string): string[] {
  return world.hints.flatMap((hint) => (hint.webhookId === webhookId && hint.isPulled ? hint.deliveryId : []));
}

/** The pull that a publish makes of its own accord has been made. */
async function pulledOnce(webhookId: string): Promise<void> {
  await waitFor(() => world.hints.some((hint) => hint.webhookId === webhookId && hint.isPulled), {
    what: "the publish to pull",
  });
}

test("what is parked leaves its line in the order of publishing, and only by a pull", async () => {
  const { webhookId, ids } = await publishMany(5);
  await parkDeliveries(world.context, ids.toReversed());
  expect(await rowOf(world, only(ids.slice(0, 1)))).toMatchObject({ state: "pending", relayAt: null, queuedAt: null });
  expect(await claimDeliveries(world.context, ids)).toEqual(ids.map(() => ({ outcome: "nothing_to_do" })));
  expect(await pull(webhookId, 2)).toEqual(ids.slice(0, 2));
  expect(await pull(webhookId, 2)).toEqual(ids.slice(2, 4));
  expect(await pull(webhookId, 2)).toEqual(ids.slice(4));
  expect((await claimOne(world, only(ids.slice(0, 1)))).number).toBe(1);
});

test("an empty line is no more, and a delivery that is parked later opens it again", async () => {
  const { webhookId, ids } = await publishMany(2);
  const [first = "", second = ""] = ids;
  await parkDeliveries(world.context, [first]);
  await pull(webhookId);
  expect(await pullLines(world.context, [{ webhookId, wanted: 1 }])).toMatchObject([{ deliveries: 0, isEmpty: true }]);
  expect(await lineOf(webhookId)).toBeNull();
  await parkDeliveries(world.context, [second]);
  expect(await pull(webhookId)).toEqual([second]);
});

test("a line that nobody pulls from is looked after when its pause is over, in pauses that double", async () => {
  const { webhookId, ids } = await publishMany(5);
  await parkDeliveries(world.context, ids);
  const pauses: (number | undefined)[] = [];
  for (let round = 0; round < 2; round++) {
    await endPause(webhookId);
    expect(await pullDueLines(world.context)).toContainEqual({ webhookId, deliveries: 2, isEmpty: false });
    expect((await pullDueLines(world.context)).some((line) => line.webhookId === webhookId)).toBe(false);
    pauses.push((await lineOf(webhookId))?.pauseMs);
  }
  expect(pauses).toEqual([1_000, 2_000]);
});

test("whatever parks and pulls at once, every delivery is pulled once for each time that it was parked", async () => {
  const { webhookId, ids } = await publishMany(120);
  const bites = Array.from({ length: 12 }, (_, index) => ids.slice(index * 10, index * 10 + 10));
  const pulls = Array.from({ length: 12 }, () => pullLines(world.context, [{ webhookId, wanted: 7 }]));
  await Promise.all([...bites.map((bite) => parkDeliveries(world.context, bite)), ...pulls]);
  while ((await pull(webhookId, 50)).length > 0);
  const pulled = world.hints.filter(({ isPulled }) => isPulled).map(({ deliveryId }) => deliveryId);
  expect(pulled.toSorted()).toEqual(ids.toSorted());
});

test("an ordered webhook gets its events one at a time, in order, and no other way", async () => {
  const { organizationId, webhookId, ids } = await publishMany(3, { ordering: "event" });
  const [first = "", second = "", third = ""] = ids;
  await pulledOnce(webhookId);
  expect(world.hints).toMatchObject([{ deliveryId: first, isPulled: true }]);
  expect(await claimDeliveries(world.context, [second, third])).toEqual([
    { outcome: "nothing_to_do" },
    { outcome: "nothing_to_do" },
  ]);
  const fourth = only(await publishMore(organizationId, webhookId, 1));
  expect(await pull(webhookId)).toEqual([]);
  const seen: string[] = [first];
  for (let place = 0; place < 3; place++) {
    await recordOne(world, await claimPulled(seen[place] ?? ""), responded(200));
    seen.push(...(await pull(webhookId)));
  }
  expect(seen).toEqual([first, second, third, fourth]);
});

test("a failing head blocks its line until it is due again, and stays its head", async () => {
  const { webhookId, ids } = await publishMany(2, { ordering: "event" });
  const [first = "", second = ""] = ids;
  await pulledOnce(webhookId);
  await recordOne(world, await claimPulled(first), responded(500));
  expect(await rowOf(world, first)).toMatchObject({ state: "pending", relayAt: null, attemptsTotal: 1 });
  expect(await pull(webhookId)).toEqual([]);
  const due = (await rowOf(world, first)).nextAttemptAt;
  expect((await lineOf(webhookId))?.pullAt).toEqual(due);
  await shiftTime(world, first, 10_000);
  expect(await pull(webhookId)).toEqual([first]);
  await recordOne(world, await claimPulled(first), responded(200));
  expect(await pull(webhookId)).toEqual([second]);
});

test("what an ordered webhook held goes out before what is published after its enable", async () => {
  const { organizationId, webhookId } = await publishMany(0, { ordering: "event" });
  const name = { organizationId, webhookId };
  await disableWebhook(world.context, name, "by hand");
  const held = await publishMore(organizationId, webhookId, 2);
  await enableWebhook(world.context, name);
  const later = only(await publishMore(organizationId, webhookId, 1));
  expect(await pull(webhookId)).toEqual([]);
  await releaseHeld(world.context, { limit: 10 });
  const seen: string[] = [];
  for (let place = 0; place < 3; place++) {
    seen.push(...(await pull(webhookId)));
    await recordOne(world, await claimPulled(seen[place] ?? ""), responded(200));
  }
  expect(seen).toEqual([...held, later]);
});

test("a rate is kept by pulls that race, and what is over it takes no attempt", async () => {
  const { webhookId, ids } = await publishMany(20, { rateLimit: { count: 5, periodSeconds: 60 } });
  await pulledOnce(webhookId);
  await Promise.all(Array.from({ length: 4 }, () => pullLines(world.context, [{ webhookId, wanted: 3 }])));
  expect(world.hints.map(({ deliveryId }) => deliveryId)).toEqual(ids.slice(0, 5));
  expect(await rowOf(world, ids[5] ?? "")).toMatchObject({ state: "pending", attemptsInSeries: 0 });
  const line = await lineOf(webhookId);
  expect(line?.pullAt.getTime()).toBe((line?.windowStartedAt?.getTime() ?? 0) + 60_000);
  await world.db.webhookLine.update({
    where: { webhookId },
    data: { windowStartedAt: new Date(Date.now() - 61_000) },
  });
  expect(await pull(webhookId)).toEqual(ids.slice(5, 10));
});

test("a retry of a webhook with a rate counts, too", async () => {
  const { webhookId, ids } = await publishMany(2, { rateLimit: { count: 1, periodSeconds: 60 } });
  const [first = "", second = ""] = ids;
  await pulledOnce(webhookId);
  await recordOne(world, await claimPulled(first), responded(500));
  await shiftTime(world, first, 10_000);
  expect(await claimDeliveries(world.context, [first])).toEqual([{ outcome: "parked" }]);
  expect(await pull(webhookId)).toEqual([]);
  expect((await rowOf(world, second)).state).toBe("pending");
});

test("an open circuit parks what is due and what comes, and lets nothing through before its pause is over", async () => {
  const { organizationId, webhookId, ids } = await publishMany(3);
  expect(await openCircuit(world.context, webhookId)).toBe(true);
  expect(await openCircuit(world.context, webhookId)).toBe(false);
  const later = only(await publishMore(organizationId, webhookId, 1));
  for (const id of [...ids, later]) {
    expect(await rowOf(world, id)).toMatchObject({ state: "pending", relayAt: null, attemptsInSeries: 0 });
  }
  expect(await pull(webhookId)).toEqual([]);
  expect(await circuitOf(webhookId)).toBe("open");
});

test("a circuit is probed with one delivery after each pause, which doubles, and closes with a success", async () => {
  const { webhookId, ids } = await publishMany(4);
  const [first = "", second = "", ...rest] = ids;
  await openCircuit(world.context, webhookId);
  await endPause(webhookId);
  expect(await pullDueLines(world.context)).toContainEqual({ webhookId, deliveries: 1, isEmpty: false });
  expect(await circuitOf(webhookId)).toBe("half_open");
  await recordOne(world, await claimPulled(first), REFUSED);
  await reopenCircuit(world.context, webhookId);
  expect(await circuitOf(webhookId)).toBe("open");
  expect((await lineOf(webhookId))?.pauseMs).toBe(4_000);
  expect(await pull(webhookId)).toEqual([]);
  await endPause(webhookId);
  await pullDueLines(world.context);
  await recordOne(world, await claimPulled(second), responded(200));
  expect(await closeCircuit(world.context, webhookId)).toBe(true);
  expect(await circuitOf(webhookId)).toBe("closed");
  expect(await pull(webhookId)).toEqual(rest);
});

test("somebody's retry passes an open circuit", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  await recordOne(world, await claimOne(world, deliveryId), responded(500));
  await openCircuit(world.context, webhook.id);
  await shiftTime(world, deliveryId, 10_000);
  expect(await claimDeliveries(world.context, [deliveryId])).toEqual([{ outcome: "parked" }]);
  expect(await retryOne(world, { organizationId, deliveryId })).toMatchObject({ outcome: "opened" });
  expect(await claimOne(world, deliveryId)).toMatchObject({ series: 2, number: 1, circuit: "open" });
});

test("the line of an archived webhook goes when it is empty, also while its circuit is open", async () => {
  const { organizationId, webhookId, ids } = await publishMany(2);
  await openCircuit(world.context, webhookId);
  await archiveWebhook(world.context, { organizationId, webhookId });
  await endPause(webhookId);
  await pullDueLines(world.context);
  await claimDeliveries(world.context, ids, { pulledIds: ids });
  expect(await lineOf(webhookId)).not.toBeNull();
  await endPause(webhookId);
  await pullDueLines(world.context);
  expect(await lineOf(webhookId)).toBeNull();
  expect((await rowOf(world, ids[0] ?? "")).state).toBe("cancelled");
});

test("an enable closes the circuit", async () => {
  const { organizationId, webhookId } = await publishMany(1);
  await openCircuit(world.context, webhookId);
  await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
  expect(await enableWebhook(world.context, { organizationId, webhookId })).toMatchObject({ circuit: "closed" });
});

test("an enable has the line looked at at once, however long the pause had become", async () => {
  const { organizationId, webhookId, ids } = await publishMany(2);
  await parkDeliveries(world.context, ids);
  await world.context.db
    .$executeRaw`UPDATE webhook_lines SET pull_at = now() + interval '1 minute' WHERE webhook_id = ${webhookId}::uuid`;
  await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
  await enableWebhook(world.context, { organizationId, webhookId });
  const [pulled] = await pullDueLines(world.context, { among: [webhookId] });
  expect(pulled?.deliveries).toBeGreaterThan(0);
});

test("a line of a disabled webhook is held where it stands, and after its enable goes out one at a time, in order", async () => {
  const { organizationId, webhookId, ids: all } = await publishMany(4, { ordering: "event" });
  const [first = "", ...ids] = all;
  await pulledOnce(webhookId);
  await recordOne(world, await claimPulled(first), responded(200));
  await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
  world.hints.length = 0;
  await endPause(webhookId);
  await pullDueLines(world.context);
  const rows = await Promise.all(ids.map((id) => rowOf(world, id)));
  expect(rows).toMatchObject(ids.map(() => ({ state: "held", parkedAt: null, nextAttemptAt: null })));
  expect(pulledOf(webhookId)).toEqual([]);
  await enableWebhook(world.context, { organizationId, webhookId });
  await releaseHeld(world.context, { limit: 100 });
  for (const id of ids) {
    expect(await pull(webhookId)).toEqual([id]);
    expect(await pull(webhookId)).toEqual([]);
    await recordOne(world, await claimPulled(id), responded(200));
  }
});

test("an open circuit has one probe out at a time, however long the endpoint hangs", async () => {
  const { webhookId, ids } = await publishMany(3);
  await openCircuit(world.context, webhookId);
  await endPause(webhookId);
  await pullDueLines(world.context);
  const probe = await claimPulled(ids[0] ?? "");
  world.hints.length = 0;
  await endPause(webhookId);
  await pullDueLines(world.context);
  expect(pulledOf(webhookId)).toEqual([]);
  await recordOne(world, probe, REFUSED);
  await endPause(webhookId);
  await pullDueLines(world.context);
  expect(pulledOf(webhookId)).toEqual([ids[1]]);
});

test("while no worker takes them, events of a webhook with a rate hand over one delivery, not one each", async () => {
  const { organizationId, webhookId, ids } = await publishMany(1, { rateLimit: { count: 100, periodSeconds: 1 } });
  await pulledOnce(webhookId);
  for (let count = 0; count < 3; count++) {
    await publishMore(organizationId, webhookId, 1);
  }
  await pullLines(world.context, [{ webhookId, wanted: 1 }], { isStart: true });
  expect(pulledOf(webhookId)).toEqual(ids);
  await claimPulled(only(ids));
  await pullLines(world.context, [{ webhookId, wanted: 1 }], { isStart: true });
  expect(pulledOf(webhookId)).toHaveLength(2);
});

test("a webhook that wants no order any more gets the rest of its line like any other", async () => {
  const { organizationId, webhookId, ids } = await publishMany(3, { ordering: "event" });
  await pulledOnce(webhookId);
  await updateWebhook(world.context, { organizationId, webhookId, changes: { ordering: "none" } });
  expect(await pull(webhookId)).toEqual(ids.slice(1));
});

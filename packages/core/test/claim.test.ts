import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import { rotateSecret } from "../src/webhooks/secrets.js";
import {
  ABORTED,
  attemptOnce,
  claimOne,
  newDelivery,
  openWorld,
  REFUSED,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const TIMEOUT_MS = 3_000;
const LEASE_MS = TIMEOUT_MS + 5_000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

test("what is due is claimed with all that an attempt needs, and leased past the request's deadline", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await newDelivery(world, { timeoutMs: TIMEOUT_MS });
  const claim = await claimOne(world, deliveryId);
  expect(claim).toMatchObject({
    deliveryId,
    organizationId,
    webhookId: webhook.id,
    eventId,
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

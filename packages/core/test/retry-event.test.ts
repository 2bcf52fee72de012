import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { type EventRetryOutcome, type EventRetryRequest, retryEvent } from "../src/events/retry-event.js";
import { setDeliveryQuota } from "../src/organizations/quota.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  claimOne,
  newDelivery,
  newOrganization,
  newWebhook,
  openWorld,
  publishOne,
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

function retry(
  request: Pick<EventRetryRequest, "organizationId" | "eventId"> & { webhookId?: string },
): Promise<EventRetryOutcome> {
  return retryEvent(world.context, { webhookId: null, receivedAtMs: performance.now(), ...request });
}

/** An event whose only delivery was sent a while ago. */
async function sentEvent() {
  const made = await newDelivery(world, ONE_CHANCE);
  await attemptOnce(world, made.deliveryId, responded(200));
  await shiftTime(world, made.deliveryId, 1_000);
  return made;
}

function deliveriesOf(eventId: string) {
  return world.db.delivery.findMany({ where: { eventId }, orderBy: { id: "asc" } });
}

test("an event is sent again to the webhook that got it, on the same record", async () => {
  const { organizationId, eventId, deliveryId } = await sentEvent();
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 1 });
  expect(await deliveriesOf(eventId)).toMatchObject([{ id: deliveryId, state: "pending", series: 2 }]);
  expect(world.hints.at(-1)).toMatchObject({ deliveryId, series: 2, number: 1, delayMs: 0 });
});

test("a webhook that was made after the event gets a delivery of its own", async () => {
  const { organizationId, eventId, deliveryId } = await sentEvent();
  const late = await newWebhook(world, organizationId);
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 2 });
  expect(await deliveriesOf(eventId)).toMatchObject([
    { id: deliveryId, series: 2 },
    { webhookId: late.id, state: "pending", series: 1 },
  ]);
});

test("only webhooks that match now and are enabled are counted", async () => {
  const { organizationId, webhook, eventId } = await sentEvent();
  await newWebhook(world, organizationId, { eventTypes: ["user.*"] });
  const disabled = await newWebhook(world, organizationId);
  await disableWebhook(world.context, { organizationId, webhookId: disabled.id }, "by hand");
  await newWebhook(world, await newOrganization(world));
  await archiveWebhook(world.context, { organizationId, webhookId: webhook.id });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 0 });
  expect(await deliveriesOf(eventId)).toMatchObject([{ state: "succeeded", series: 1 }]);
});

test("a named webhook gets it alone, whatever its patterns", async () => {
  const { organizationId, eventId, deliveryId } = await sentEvent();
  const other = await newWebhook(world, organizationId, { eventTypes: ["user.*"] });
  expect(await retry({ organizationId, eventId, webhookId: other.id })).toEqual({ outcome: "queued", webhooks: 1 });
  expect(await deliveriesOf(eventId)).toMatchObject([
    { id: deliveryId, series: 1 },
    { webhookId: other.id, state: "pending" },
  ]);
});

test("of a webhook with several deliveries of the event the newest is sent again", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await sentEvent();
  const newest = await world.db.delivery.create({
    data: { organizationId, eventId, webhookId: webhook.id, state: "succeeded" },
  });
  await shiftTime(world, newest.id, 1_000);
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 1 });
  expect((await rowOf(world, deliveryId)).series).toBe(1);
  expect((await rowOf(world, newest.id)).series).toBe(2);
});

test("what is pending or in flight is counted, and no second attempt is asked for", async () => {
  const { organizationId, eventId, deliveryId } = await newDelivery(world);
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 1 });
  const claim = await claimOne(world, deliveryId);
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 1 });
  await recordOne(world, claim, responded(200));
  expect(await deliveriesOf(eventId)).toMatchObject([{ state: "succeeded", series: 1 }]);
});

test("ten retries at once make one delivery for a new webhook and open one series for the old one", async () => {
  const { organizationId, eventId } = await sentEvent();
  await newWebhook(world, organizationId);
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => retry({ organizationId, eventId })));
  expect(outcomes).toEqual(outcomes.map(() => ({ outcome: "queued", webhooks: 2 })));
  expect(await deliveriesOf(eventId)).toMatchObject([{ series: 2 }, { series: 1 }]);
});

test("an unknown and another organization's event are not found", async () => {
  const { organizationId, eventId } = await sentEvent();
  const stranger = await newOrganization(world);
  await newWebhook(world, stranger);
  expect(await retry({ organizationId, eventId: uuidv7() })).toEqual({ outcome: "not_found" });
  expect(await retry({ organizationId: stranger, eventId })).toEqual({ outcome: "not_found" });
  expect(await deliveriesOf(eventId)).toMatchObject([{ series: 1 }]);
});

test("a named webhook that is unknown, another's or archived is not found; one that is disabled says so", async () => {
  const { organizationId, webhook, eventId } = await sentEvent();
  const strange = await newWebhook(world, await newOrganization(world));
  const notFound = { outcome: "webhook_not_found" };
  expect(await retry({ organizationId, eventId, webhookId: uuidv7() })).toEqual(notFound);
  expect(await retry({ organizationId, eventId, webhookId: strange.id })).toEqual(notFound);
  await disableWebhook(world.context, { organizationId, webhookId: webhook.id }, "by hand");
  expect(await retry({ organizationId, eventId, webhookId: webhook.id })).toEqual({ outcome: "webhook_disabled" });
  await archiveWebhook(world.context, { organizationId, webhookId: webhook.id });
  expect(await retry({ organizationId, eventId, webhookId: webhook.id })).toEqual(notFound);
  expect(await deliveriesOf(eventId)).toMatchObject([{ state: "succeeded", series: 1 }]);
});

test("deliveries for new webhooks are made all or, beyond the quota, none", async () => {
  const organizationId = await newOrganization(world);
  const { eventId } = await publishOne(world, organizationId);
  await newWebhook(world, organizationId);
  await newWebhook(world, organizationId);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 1 });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "quota_exhausted" });
  expect(await deliveriesOf(eventId)).toEqual([]);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 2 });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 2 });
});

test("an event that was sent is not sent again without quota", async () => {
  const { organizationId, eventId, deliveryId } = await newDelivery(world, ONE_CHANCE);
  await attemptOnce(world, deliveryId, REFUSED);
  await shiftTime(world, deliveryId, 1_000);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 0 });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "quota_exhausted" });
  expect(await deliveriesOf(eventId)).toMatchObject([{ state: "failed", series: 1 }]);
});

test("when the quota is enough for some alone, none is queued and nothing is charged", async () => {
  const { organizationId, eventId } = await sentEvent();
  await newWebhook(world, organizationId);
  await newWebhook(world, organizationId);
  const hintsBefore = world.hints.length;
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 1 });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "quota_exhausted" });
  expect(await deliveriesOf(eventId)).toMatchObject([{ state: "succeeded", series: 1 }]);
  expect(world.hints).toHaveLength(hintsBefore);
  await setDeliveryQuota(world.context, { organizationId, deliveriesPerMonth: 2 });
  expect(await retry({ organizationId, eventId })).toEqual({ outcome: "queued", webhooks: 3 });
});

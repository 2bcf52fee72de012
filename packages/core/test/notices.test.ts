import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { FAULTS_MAX } from "../src/deliveries/move-due.js";
import { formatEventId } from "../src/events/event-id.js";
import { retryEvent } from "../src/events/retry-event.js";
import { publishNotices } from "../src/notices/publish-notices.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  newDelivery,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  REFUSED,
  responded,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const ONCE = { retryPolicy: { delaysSeconds: [], jitter: 0, finalStatuses: [] }, eventTypes: ["invoice.*"] };
const LIMIT = 100;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db.notice.deleteMany();
});

/** An organization with a delivery that is due, and a webhook that wants to hear of Homing's own events. */
async function newListenedDelivery(eventTypes = ["homing.*"]) {
  const made = await newDelivery(world, ONCE);
  const listener = await newWebhook(world, made.organizationId, { eventTypes });
  return { ...made, listener };
}

async function noticesOf(organizationId: string): Promise<{ type: string; payload: Record<string, unknown> }[]> {
  const notices = await world.db.notice.findMany({ where: { organizationId }, orderBy: { id: "asc" } });
  return notices.map(({ type, payload }) => ({ type, payload: JSON.parse(payload) }));
}

/** The events that Homing published to an organization, with the webhooks that get them. */
async function ownEventsOf(organizationId: string) {
  const events = await world.db.event.findMany({ where: { organizationId, type: { startsWith: "homing." } } });
  return Promise.all(
    events.map(async ({ id, type, payload }) => {
      const deliveries = await world.db.delivery.findMany({ where: { eventId: id }, orderBy: { id: "asc" } });
      return { id, type, payload, deliveries };
    }),
  );
}

test("a delivery that ends because no attempt left a record is told of, too", async () => {
  const { organizationId, deliveryId } = await newListenedDelivery();
  await world.db.delivery.update({ where: { id: deliveryId }, data: { faults: FAULTS_MAX } });
  await shiftTime(world, deliveryId, 10);
  await claimDeliveries(world.context, [deliveryId]);
  expect(await noticesOf(organizationId)).toMatchObject([
    {
      type: "homing.delivery.exhausted",
      payload: { delivery_id: deliveryId, attempts_total: 0, last_error: expect.stringContaining("without a record") },
    },
  ]);
});

test("a delivery that has failed for good is told of, with what came of it last", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await newListenedDelivery();
  await attemptOnce(world, deliveryId, responded(500));
  expect(await noticesOf(organizationId)).toEqual([
    {
      type: "homing.delivery.exhausted",
      payload: {
        delivery_id: deliveryId,
        event_id: formatEventId(eventId),
        event_type: "invoice.paid",
        webhook_id: webhook.id,
        attempts_total: 1,
        last_response_status: 500,
        last_error: "responded 500",
      },
    },
  ]);
});

test("neither a success nor a failure that is tried again is told of", async () => {
  const { organizationId, webhook, deliveryId } = await newListenedDelivery();
  await attemptOnce(world, deliveryId, responded(200));
  await world.db.webhook.update({ where: { id: webhook.id }, data: { retryPolicy: "standard" } });
  await attemptOnce(world, only((await publishOne(world, organizationId)).deliveryIds), REFUSED);
  expect(await noticesOf(organizationId)).toEqual([]);
});

test("a 410 tells of the delivery and of its webhook", async () => {
  const { organizationId, webhook, deliveryId } = await newListenedDelivery();
  await attemptOnce(world, deliveryId, responded(410));
  const notices = await noticesOf(organizationId);
  expect(notices.map(({ type }) => type).toSorted()).toEqual(["homing.delivery.exhausted", "homing.webhook.disabled"]);
  expect(notices.find(({ type }) => type === "homing.webhook.disabled")?.payload).toEqual({
    webhook_id: webhook.id,
    reason: "the receiver answered 410 Gone",
    disabled_at: expect.stringMatching(TIME),
  });
});

test("disabling by request is told of once, enabling and archiving are not", async () => {
  const { organizationId, webhook } = await newListenedDelivery();
  const name = { organizationId, webhookId: webhook.id };
  const { disabledAt } = await disableWebhook(world.context, name, "on holiday");
  await disableWebhook(world.context, name, "still on holiday");
  await enableWebhook(world.context, name);
  await archiveWebhook(world.context, name);
  expect(await noticesOf(organizationId)).toEqual([
    {
      type: "homing.webhook.disabled",
      payload: { webhook_id: webhook.id, reason: "on holiday", disabled_at: disabledAt?.toISOString() },
    },
  ]);
});

test.each([
  ["nothing in particular", [], 0],
  ["everything", ["*"], 0],
  ["other events", ["invoice.*", "homing.webhook.*"], 0],
  ["the very type", ["homing.delivery.exhausted"], 1],
  ["the kind", ["homing.delivery.*"], 1],
])("an organization whose webhook asks for %s is told so much", async (_name, eventTypes, count) => {
  const { organizationId, deliveryId } = await newListenedDelivery(eventTypes);
  await attemptOnce(world, deliveryId, responded(500));
  expect(await noticesOf(organizationId)).toHaveLength(count);
});

test("an archived listener is not waited for", async () => {
  const { organizationId, listener, deliveryId } = await newListenedDelivery();
  await archiveWebhook(world.context, { organizationId, webhookId: listener.id });
  await attemptOnce(world, deliveryId, responded(500));
  expect(await noticesOf(organizationId)).toEqual([]);
});

test("a notice becomes an event of its organization, for the webhooks that ask for it alone", async () => {
  const { organizationId, listener, deliveryId } = await newListenedDelivery();
  await newWebhook(world, organizationId, { eventTypes: ["*"] });
  await newWebhook(world, organizationId, { eventTypes: [] });
  const exact = await newWebhook(world, organizationId, { eventTypes: ["homing.delivery.exhausted"] });
  await newWebhook(world, await newOrganization(world), { eventTypes: ["homing.*"] });
  await attemptOnce(world, deliveryId, responded(500));
  const { payload } = await world.db.notice.findFirstOrThrow({ where: { organizationId } });

  expect(await publishNotices(world.context, { limit: LIMIT })).toBe(1);
  const event = only(await ownEventsOf(organizationId));
  expect(event).toMatchObject({ type: "homing.delivery.exhausted", payload });
  const webhookIds = event.deliveries.map(({ webhookId }) => webhookId);
  expect(webhookIds.toSorted()).toEqual([listener.id, exact.id].toSorted());
  expect(event.deliveries.map(({ state }) => state)).toEqual(["pending", "pending"]);
  const hinted = world.hints.map((hint) => hint.deliveryId);
  expect(hinted).toEqual(expect.arrayContaining(event.deliveries.map(({ id }) => id)));
  expect(await world.db.notice.count()).toBe(0);
  expect(await publishNotices(world.context, { limit: LIMIT })).toBe(0);
});

test("a retry of the event goes to those alone, too", async () => {
  const { organizationId, deliveryId } = await newListenedDelivery();
  await newWebhook(world, organizationId, { eventTypes: [] });
  await newWebhook(world, organizationId, { eventTypes: ["*"] });
  await attemptOnce(world, deliveryId, responded(500));
  await publishNotices(world.context, { limit: LIMIT });
  const { id: eventId } = only(await ownEventsOf(organizationId));
  const retry = { organizationId, eventId, webhookId: null, receivedAtMs: performance.now() };
  expect(await retryEvent(world.context, retry)).toEqual({ outcome: "queued", webhooks: 1 });
});

test("of publishers that race, each notice is published by one", async () => {
  const { organizationId } = await newListenedDelivery();
  const published = Array.from({ length: 30 }, () => publishOne(world, organizationId));
  for (const { deliveryIds } of await Promise.all(published)) {
    await attemptOnce(world, only(deliveryIds), responded(500));
  }
  const counts = await Promise.all(Array.from({ length: 6 }, () => publishNotices(world.context, { limit: 10 })));
  expect(counts.reduce((sum, count) => sum + count, 0) + (await world.db.notice.count())).toBe(30);
  while ((await publishNotices(world.context, { limit: 10 })) > 0);
  const told = (await ownEventsOf(organizationId)).map(({ payload }): string => JSON.parse(payload).delivery_id);
  expect(told).toHaveLength(30);
  expect(new Set(told).size).toBe(30);
});

test("a notice whose event cannot be written is kept", async () => {
  const { organizationId, deliveryId } = await newListenedDelivery();
  await attemptOnce(world, deliveryId, responded(500));
  await world.db.$executeRaw`ALTER TABLE events ADD CONSTRAINT no_own CHECK (type NOT LIKE 'homing.%') NOT VALID`;
  try {
    await expect(publishNotices(world.context, { limit: LIMIT })).rejects.toThrow(/no_own/);
  } finally {
    await world.db.$executeRaw`ALTER TABLE events DROP CONSTRAINT no_own`;
  }
  expect(await noticesOf(organizationId)).toHaveLength(1);
  expect(await publishNotices(world.context, { limit: LIMIT })).toBe(1);
  expect(await ownEventsOf(organizationId)).toHaveLength(1);
});

test("with the queue away the event is published and left to the relay", async () => {
  const { organizationId, deliveryId } = await newListenedDelivery();
  await attemptOnce(world, deliveryId, responded(500));
  world.setQueueAway(true);
  try {
    expect(await publishNotices(world.context, { limit: LIMIT })).toBe(1);
  } finally {
    world.setQueueAway(false);
  }
  const { deliveries } = only(await ownEventsOf(organizationId));
  expect(only(deliveries)).toMatchObject({ state: "pending", queuedAt: null });
});

test("a listener that fails is not told of its failing", async () => {
  const { organizationId, deliveryId } = await newListenedDelivery();
  await world.db.webhook.updateMany({ where: { organizationId }, data: { retryPolicy: "kallima" } });
  await attemptOnce(world, deliveryId, responded(500));
  await publishNotices(world.context, { limit: LIMIT });
  const own = only(only(await ownEventsOf(organizationId)).deliveries);
  await attemptOnce(world, own.id, responded(500));
  expect((await rowOf(world, own.id)).state).toBe("failed");
  expect(await noticesOf(organizationId)).toEqual([]);
});

test("a test of a bare URL that fails is not told of", async () => {
  const { organizationId, webhook, deliveryId } = await newListenedDelivery();
  await world.db.webhook.update({ where: { id: webhook.id }, data: { isEphemeral: true } });
  await attemptOnce(world, deliveryId, responded(410));
  expect(await noticesOf(organizationId)).toEqual([]);
});

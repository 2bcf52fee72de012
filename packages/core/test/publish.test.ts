import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { relayDeliveries } from "../src/deliveries/relay.js";
import type { EventInput, PublishRequest } from "../src/events/event.js";
import { DELIVERIES_MAX } from "../src/events/insert.js";
import { publishEvents, StatementTooLargeError } from "../src/events/publish.js";
import { publishPlain } from "../src/events/publish-plain.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import { updateWebhook } from "../src/webhooks/update.js";
import { newOrganization, newWebhook, only, openWorld, publishOne, rowOf, type World } from "./world.js";

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

function request(
  organizationId: string,
  key?: string,
  events: EventInput[] = [{ type: "a.b", payload: "{}" }],
): PublishRequest {
  const fingerprint = JSON.stringify(events);
  return { organizationId, events, ...(key !== undefined && { idempotency: { key, fingerprint } }) };
}

test.each([
  [[], "invoice.paid", true],
  [["*"], "invoice.paid", true],
  [["invoice.paid"], "invoice.paid", true],
  [["invoice.*"], "invoice.paid", true],
  [["invoice.*"], "invoice.paid.late", true],
  [["invoice.paid.*"], "invoice.paid.late", true],
  [["user.*", "invoice.paid"], "invoice.paid", true],
  [["invoice.paid"], "invoice.paid.late", false],
  [["invoice.paid.*"], "invoice.paid", false],
  [["invoice.*"], "invoice", false],
  [["invoice.*"], "invoices.paid", false],
  [["Invoice.paid"], "invoice.paid", false],
  [["user.*"], "invoice.paid", false],
])("patterns %j and an event of type %s: matched %s", async (eventTypes, type, isMatched) => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId, { eventTypes });
  const { deliveryIds } = await publishOne(world, organizationId, { type });
  expect(deliveryIds).toHaveLength(isMatched ? 1 : 0);
});

test("changed patterns hold for the next event, and one that several patterns take is delivered once", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId, { eventTypes: ["invoice.paid"] });
  const change = (eventTypes: string[]): Promise<unknown> =>
    updateWebhook(world.context, { organizationId, webhookId, changes: { eventTypes } });
  const matched = async (type: string): Promise<number> =>
    (await publishOne(world, organizationId, { type })).deliveryIds.length;
  await change(["user.made", "user.*", "*", "user.*"]);
  expect([await matched("user.made"), await matched("invoice.paid")]).toEqual([1, 1]);
  await change(["user.made"]);
  expect([await matched("user.made"), await matched("user.gone"), await matched("invoice.paid")]).toEqual([1, 0, 0]);
  await change([]);
  expect([await matched("user.made"), await matched("invoice.paid")]).toEqual([1, 1]);
});

test("an event is kept byte for byte and makes one due delivery for each webhook of its own organization", async () => {
  const organizationId = await newOrganization(world);
  const webhooks = [await newWebhook(world, organizationId), await newWebhook(world, organizationId)];
  await newWebhook(world, await newOrganization(world));
  const payload = '{ "ü":1.0,\n"a" : "\\u0000 \u{1F600}","n":12345678901234567890 }';
  const occurredAt = new Date("2020-01-01T00:00:00.123Z");
  const { eventId, deliveryIds } = await publishOne(world, organizationId, {
    payload,
    occurredAt,
    attributes: { k: "v" },
  });
  expect(await world.db.event.findUniqueOrThrow({ where: { id: eventId } })).toMatchObject({
    organizationId,
    payload,
    occurredAt,
    attributes: { k: "v" },
    matchedWebhooks: 2,
  });
  const rows = await Promise.all(deliveryIds.map((id) => rowOf(world, id)));
  expect(rows.map(({ webhookId }) => webhookId)).toEqual(webhooks.map(({ id }) => id));
  for (const row of rows)
    expect(row).toMatchObject({ state: "pending", series: 1, attemptsInSeries: 0, organizationId });
});

test("hints are handed over for what is due, and for nothing else", async () => {
  const organizationId = await newOrganization(world);
  const enabled = await newWebhook(world, organizationId);
  const disabled = await newWebhook(world, organizationId);
  await disableWebhook(world.context, { organizationId, webhookId: disabled.id }, "by hand");
  const { deliveryIds } = await publishOne(world, organizationId);
  const [due = "", held = ""] = deliveryIds;
  expect(await rowOf(world, due)).toMatchObject({ webhookId: enabled.id, state: "pending" });
  expect(await rowOf(world, held)).toMatchObject({ webhookId: disabled.id, state: "held", relayAt: null });
  expect(world.hints.filter(({ deliveryId }) => deliveryIds.includes(deliveryId))).toEqual([
    { deliveryId: due, organizationId, webhookId: enabled.id, series: 1, number: 1, delayMs: 0 },
  ]);
});

test("an archived webhook gets nothing and may not be named", async () => {
  const organizationId = await newOrganization(world);
  const { id } = await newWebhook(world, organizationId);
  await archiveWebhook(world.context, { organizationId, webhookId: id });
  expect((await publishOne(world, organizationId)).deliveryIds).toEqual([]);
  const named = request(organizationId, undefined, [{ type: "a", payload: "{}", webhookIds: [id] }]);
  expect(await publishEvents(world.context, [named])).toEqual([
    { outcome: "unknown_webhooks", eventIndex: 0, webhookIds: [id] },
  ]);
});

test("named webhooks get the event whatever their patterns, and no other does", async () => {
  const organizationId = await newOrganization(world);
  const named = await newWebhook(world, organizationId, { eventTypes: ["user.*"] });
  await newWebhook(world, organizationId);
  const { deliveryIds } = await publishOne(world, organizationId, { webhookIds: [named.id, named.id] });
  expect((await rowOf(world, only(deliveryIds))).webhookId).toBe(named.id);
});

test("an empty list of named webhooks is nobody, not everybody", async () => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  expect((await publishOne(world, organizationId, { webhookIds: [] })).deliveryIds).toEqual([]);
});

test("a request that names an unknown or another organization's webhook is refused whole, its neighbours are not", async () => {
  const organizationId = await newOrganization(world);
  const own = await newWebhook(world, organizationId);
  const foreign = await newWebhook(world, await newOrganization(world));
  const unknown = uuidv7();
  const events = [
    { type: "a", payload: "{}" },
    { type: "b", payload: "{}", webhookIds: [own.id, foreign.id] },
  ];
  const outcomes = await publishEvents(world.context, [
    request(organizationId),
    request(organizationId, "key-of-refused", events),
    request(organizationId, undefined, [{ type: "c", payload: "{}", webhookIds: [unknown] }]),
    request(organizationId),
  ]);
  expect(outcomes).toMatchObject([
    { outcome: "published", events: [{ matchedWebhooks: 1 }] },
    { outcome: "unknown_webhooks", eventIndex: 1, webhookIds: [foreign.id] },
    { outcome: "unknown_webhooks", eventIndex: 0, webhookIds: [unknown] },
    { outcome: "published" },
  ]);
  expect(await world.db.event.count({ where: { organizationId } })).toBe(2);
  expect(await world.db.delivery.count({ where: { organizationId } })).toBe(2);
  expect(await world.db.idempotencyKey.count({ where: { organizationId } })).toBe(0);
});

test("a repeated key with the same body answers the first events in their order and publishes nothing", async () => {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  const events = ["c.d", "a.b", "b.c"].map((type) => ({ type, payload: "{}" }));
  const [first] = await publishEvents(world.context, [request(organizationId, "k", events)]);
  const [again] = await publishEvents(world.context, [request(organizationId, "k", events)]);
  expect(first?.outcome).toBe("published");
  expect(again).toEqual({ ...first, outcome: "duplicate" });
  expect(await world.db.delivery.count({ where: { organizationId } })).toBe(3);
});

test("a repeated key with another body is refused", async () => {
  const organizationId = await newOrganization(world);
  await publishEvents(world.context, [request(organizationId, "k")]);
  const other = request(organizationId, "k", [{ type: "a.b", payload: '{"other":1}' }]);
  expect(await publishEvents(world.context, [other])).toEqual([{ outcome: "key_reused" }]);
  expect(await world.db.event.count({ where: { organizationId } })).toBe(1);
});

test("the same key of two organizations is two keys", async () => {
  const outcomes = await publishEvents(world.context, [
    request(await newOrganization(world), "k"),
    request(await newOrganization(world), "k"),
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(["published", "published"]);
});

test("two requests with one key in one batch are one event", async () => {
  const organizationId = await newOrganization(world);
  const outcomes = await publishEvents(world.context, [request(organizationId, "k"), request(organizationId, "k")]);
  expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(["duplicate", "published"]);
  expect(await world.db.event.count({ where: { organizationId } })).toBe(1);
});

test("concurrent batches with the same keys in any order are one event a key", async () => {
  const organizationId = await newOrganization(world);
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const batches = Array.from({ length: 6 }, (_, index) => {
    const requests = keys.map((key) => request(organizationId, key));
    return publishEvents(world.context, index % 2 === 0 ? requests : requests.toReversed());
  });
  const outcomes = (await Promise.all(batches)).flat().map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "published")).toHaveLength(keys.length);
  expect(outcomes.filter((outcome) => outcome === "duplicate")).toHaveLength(5 * keys.length);
  expect(await world.db.event.count({ where: { organizationId } })).toBe(keys.length);
});

test("a batch with one event that Postgres refuses publishes nothing", async () => {
  const organizationId = await newOrganization(world);
  const bad = request(organizationId, undefined, [{ type: "a", payload: "a\u0000b" }]);
  await expect(publishEvents(world.context, [request(organizationId), bad])).rejects.toThrow();
  expect(await world.db.event.count({ where: { organizationId } })).toBe(0);
});

test("with the queue away an event is published all the same, and the relay finds its deliveries at once", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId);
  world.setQueueAway(true);
  const deliveryId = only((await publishOne(world, organizationId)).deliveryIds);
  await waitFor(async () => (await rowOf(world, deliveryId)).queuedAt === null, {
    what: "the hand-over to be forgotten",
  });
  world.setQueueAway(false);
  await relayDeliveries(world.context, { limit: 1_000, lostAgeMs: null });
  expect(world.hints.filter((hint) => hint.deliveryId === deliveryId)).toEqual([
    { deliveryId, organizationId, webhookId, series: 1, number: 1, delayMs: 0 },
  ]);
});

test("a repeat gets its first answer, also when a webhook that it names was archived since", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId);
  const again = () => request(organizationId, "k", [{ type: "a.b", payload: "{}", webhookIds: [webhookId] }]);
  const [first] = await publishEvents(world.context, [again()]);
  await archiveWebhook(world.context, { organizationId, webhookId });
  const [second] = await publishEvents(world.context, [again()]);
  expect(first).toMatchObject({ outcome: "published" });
  expect(second).toEqual({ ...first, outcome: "duplicate" });
});

test("requests that would make too many deliveries together are published by nobody; alone, only the large one is refused", async () => {
  const organizationId = await newOrganization(world);
  const webhooks = 11;
  for (let made = 0; made < webhooks; made++) await newWebhook(world, organizationId);
  const events = Math.ceil(DELIVERIES_MAX / webhooks);
  const large = request(
    organizationId,
    "large",
    Array.from({ length: events }, () => ({ type: "a.b", payload: "{}" })),
  );
  const single = request(organizationId);
  await expect(publishEvents(world.context, [large, single])).rejects.toBeInstanceOf(StatementTooLargeError);
  expect(await publishEvents(world.context, [large])).toEqual([{ outcome: "too_many_deliveries" }]);
  const singles = Array.from({ length: events }, () => ({ ...request(organizationId), apiKeyId: null }));
  expect(new Set(await publishPlain(world.context, singles))).toEqual(new Set([null]));
  expect(await world.db.event.count({ where: { organizationId } })).toBe(0);
  expect(await world.db.idempotencyKey.count({ where: { organizationId } })).toBe(0);
  expect(await publishEvents(world.context, [single])).toMatchObject([
    { outcome: "published", events: [{ matchedWebhooks: webhooks }] },
  ]);
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type DeliveryFilter, findDelivery, listAttempts, listDeliveries } from "../src/deliveries/read.js";
import { findEvent, listEvents } from "../src/events/read.js";
import { listWebhooks } from "../src/webhooks/read.js";
import type { Webhook } from "../src/webhooks/webhook.js";
import {
  attemptOnce,
  newOrganization,
  newWebhook,
  openWorld,
  publishOne,
  REFUSED,
  responded,
  shiftTime,
  type World,
} from "./world.js";

let world: World;
let organizationId: string;
let stranger: string;
let webhooks: [Webhook, Webhook];
/** Of five events for two webhooks each, oldest first. */
const events: { eventId: string; deliveryIds: string[] }[] = [];
const types = ["invoice.paid", "invoice.paid", "user.made", "user.made", "ping"];

beforeAll(async () => {
  world = await openWorld();
  organizationId = await newOrganization(world);
  webhooks = [await newWebhook(world, organizationId), await newWebhook(world, organizationId)];
  stranger = await newOrganization(world);
  await newWebhook(world, stranger);
  await publishOne(world, stranger);
  for (const type of types) events.push(await publishOne(world, organizationId, { type }));
});

afterAll(() => world.close());

function idsOfAll(): string[] {
  return events.flatMap(({ deliveryIds }) => deliveryIds);
}

async function list(filter: DeliveryFilter, options: { as?: string; limit?: number; after?: string | null } = {}) {
  const { as = organizationId, limit = 100, after = null } = options;
  return listDeliveries(world.context, { organizationId: as, limit, after, filter });
}

test("pages follow one another without a gap or a repeat, newest first, and end", async () => {
  const seen: string[] = [];
  let after: string | null = null;
  let pages = 0;
  do {
    const page: Awaited<ReturnType<typeof list>> = await list({}, { limit: 3, after });
    seen.push(...page.items.map(({ id }) => id));
    after = page.nextAfter;
    pages += 1;
  } while (after !== null);
  expect(pages).toBe(4);
  expect(seen).toEqual(idsOfAll().toSorted().toReversed());
});

test("a page that is exactly full is the last", async () => {
  expect(await list({}, { limit: 10 })).toMatchObject({ nextAfter: null, items: { length: 10 } });
});

test.each([
  [
    "event type",
    () => ({ eventType: "user.made" }),
    () => events.slice(2, 4).flatMap(({ deliveryIds }) => deliveryIds),
  ],
  ["event", () => ({ eventId: events[4]?.eventId ?? "" }), () => events[4]?.deliveryIds ?? []],
  ["webhook", () => ({ webhookId: webhooks[1].id }), () => events.map(({ deliveryIds }) => deliveryIds[1] ?? "")],
  ["state", () => ({ state: "pending" as const }), idsOfAll],
  ["another state", () => ({ state: "failed" as const }), () => []],
  [
    "both webhook and type",
    () => ({ webhookId: webhooks[0].id, eventType: "ping" }),
    () => [events[4]?.deliveryIds[0] ?? ""],
  ],
])("deliveries are filtered by %s", async (_, filter, expected) => {
  expect((await list(filter())).items.map(({ id }) => id).toSorted()).toEqual(expected().toSorted());
});

test("since is inclusive and until exclusive, by the millisecond", async () => {
  const times = idsOfAll().map((id) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16));
  const middle = new Date(times.toSorted((one, other) => one - other)[5] ?? 0);
  const since = (await list({ since: middle })).items.map(({ id }) => id);
  const until = (await list({ until: middle })).items.map(({ id }) => id);
  expect(since.length).toBeGreaterThan(0);
  expect([...since, ...until].toSorted()).toEqual(idsOfAll().toSorted());
  for (const id of until)
    expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBeLessThan(middle.getTime());
  expect((await list({ since: middle, until: middle })).items).toEqual([]);
});

test("another organization sees nothing of it, whatever it names", async () => {
  const [event] = events;
  const deliveryId = event?.deliveryIds[0] ?? "";
  const eventId = event?.eventId ?? "";
  expect((await list({}, { as: stranger })).items).toHaveLength(1);
  expect((await list({ eventId }, { as: stranger })).items).toEqual([]);
  expect((await list({ webhookId: webhooks[0].id }, { as: stranger })).items).toEqual([]);
  expect(await findDelivery(world.context, { organizationId: stranger, deliveryId })).toBeNull();
  expect(await findEvent(world.context, { organizationId: stranger, eventId })).toBeNull();
  expect(
    await listAttempts(world.context, { organizationId: stranger, deliveryId, limit: 10, after: null }),
  ).toBeNull();
});

test("events are listed newest first, by type, and found with their payload", async () => {
  const request = { organizationId, limit: 2, after: null, type: null };
  const first = await listEvents(world.context, request);
  expect(first.items.map(({ id }) => id)).toEqual([events[4]?.eventId, events[3]?.eventId]);
  const rest = await listEvents(world.context, { ...request, limit: 10, after: first.nextAfter });
  expect(rest.items.map(({ id }) => id)).toEqual([events[2]?.eventId, events[1]?.eventId, events[0]?.eventId]);
  const users = await listEvents(world.context, { ...request, limit: 10, type: "user.made" });
  expect(users.items.map(({ type }) => type)).toEqual(["user.made", "user.made"]);
  const found = await findEvent(world.context, { organizationId, eventId: events[0]?.eventId ?? "" });
  expect(found).toMatchObject({ type: "invoice.paid", payload: '{"n":1}', matchedWebhooks: 2, attributes: {} });
});

test("webhooks are listed newest first, an organization's own alone", async () => {
  const page = await listWebhooks(world.context, { organizationId, limit: 1, after: null });
  expect(page).toMatchObject({ items: [{ id: webhooks[1].id }], nextAfter: webhooks[1].id });
  const rest = await listWebhooks(world.context, { organizationId, limit: 5, after: page.nextAfter });
  expect(rest).toMatchObject({ items: [{ id: webhooks[0].id }], nextAfter: null });
});

test("attempts are listed first to last over all series, in pages", async () => {
  const deliveryId = events[0]?.deliveryIds[0] ?? "";
  for (const result of [REFUSED, responded(500), responded(200)]) {
    await shiftTime(world, deliveryId, 600_000);
    await attemptOnce(world, deliveryId, result);
  }
  const first = await listAttempts(world.context, { organizationId, deliveryId, limit: 2, after: null });
  expect(first?.items.map(({ number }) => number)).toEqual([1, 2]);
  const rest = await listAttempts(world.context, {
    organizationId,
    deliveryId,
    limit: 2,
    after: first?.nextAfter ?? null,
  });
  expect(rest).toMatchObject({ items: [{ number: 3, responseStatus: 200 }], nextAfter: null });
});

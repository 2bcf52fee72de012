import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { claimPlain } from "../src/deliveries/claim-plain.js";
import { recordAttempts } from "../src/deliveries/record.js";
import { mayBePlain as mayBePlainAttempt, recordPlain } from "../src/deliveries/record-plain.js";
import type { PublishRequest } from "../src/events/event.js";
import { publishEvents } from "../src/events/publish.js";
import { mayBePlain, publishPlain } from "../src/events/publish-plain.js";
import { setDeliveryQuota } from "../src/organizations/quota.js";
import type { SendResult } from "../src/outcome.js";
import { disableWebhook } from "../src/webhooks/state.js";
import {
  attemptOnce,
  attemptsOf,
  claimOne,
  newDelivery,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  recordOne,
  REFUSED,
  responded,
  retryOne,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const LOST_MS = 11_000;
const SLOW_MS = 2_000;
const EVENT = { type: "invoice.paid", payload: '{"n":1}', attributes: { region: "eu" } };
const REQUEST_HEADERS = { "webhook-id": "evt_1" };

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

/** What two rows made by different statements have in common when both do the same. */
function comparable(row: object): Record<string, unknown> {
  const own = new Set(["id", "number", "eventId", "deliveryId", "webhookId", "organizationId"]);
  return Object.fromEntries(
    Object.entries(row)
      .filter(([name]) => !own.has(name))
      .map(([name, value]) => [name, value instanceof Date ? "a time" : value]),
  );
}

async function eventsOf(organizationId: string) {
  const events = await world.db.event.findMany({ where: { organizationId } });
  const deliveries = await world.db.delivery.findMany({ where: { organizationId } });
  return { events, deliveries };
}

test("a publish, a claim and a record leave the same behind, plain or not", async () => {
  const requests: PublishRequest[] = [];
  for (let copy = 0; copy < 2; copy++) {
    const organizationId = await newOrganization(world);
    await newWebhook(world, organizationId);
    const disabled = await newWebhook(world, organizationId, { eventTypes: ["invoice.*"] });
    await disableWebhook(world.context, { organizationId, webhookId: disabled.id }, "by hand");
    requests.push({ organizationId, events: [EVENT] });
  }
  const [plain, general] = requests;
  if (plain === undefined || general === undefined) throw new Error("there are two");
  const handedOver = world.hints.length;
  const byPlain = only(await publishPlain(world.context, [plain]));
  const byGeneral = only(await publishEvents(world.context, [general]));
  for (const outcome of [byPlain, byGeneral]) {
    expect(outcome).toEqual({
      outcome: "published",
      events: [{ id: expect.any(String), matchedWebhooks: 2, createdAt: expect.any(Date) }],
    });
  }
  const hints = world.hints.slice(handedOver);
  expect(hints.map(({ organizationId }) => organizationId)).toEqual([plain.organizationId, general.organizationId]);
  expect(comparable(hints[0] ?? {})).toEqual(comparable(hints[1] ?? {}));
  const rows = await Promise.all([plain, general].map(({ organizationId }) => eventsOf(organizationId)));
  expect(rows[0]?.events.map(comparable)).toEqual(rows[1]?.events.map(comparable));
  const byState = (deliveries: object[]) =>
    deliveries.map(comparable).toSorted((one, other) => String(one["state"]).localeCompare(String(other["state"])));
  expect(byState(rows[0]?.deliveries ?? [])).toEqual(byState(rows[1]?.deliveries ?? []));
  expect(byState(rows[0]?.deliveries ?? []).map(({ state }) => state)).toEqual(["held", "pending"]);

  const ids = hints.map(({ deliveryId }) => deliveryId);
  const [plainId = "", generalId = ""] = ids;
  for (const id of ids) await shiftTime(world, id, 10);
  const plainClaim = only(await claimPlain(world.context, [plainId]));
  const generalOutcome = only(await claimDeliveries(world.context, [generalId]));
  const generalClaim = generalOutcome.outcome === "claimed" ? generalOutcome.claim : null;
  if (plainClaim === null || generalClaim === null) throw new Error("both are due");
  const named = { eventName: "evt", secrets: "one of its own" };
  expect({ ...comparable(plainClaim), ...named }).toEqual({ ...comparable(generalClaim), ...named });
  expect(plainClaim.secrets).toHaveLength(1);
  const claimed = await Promise.all(ids.map((id) => rowOf(world, id)));
  expect(comparable(claimed[0] ?? {})).toEqual(comparable(claimed[1] ?? {}));

  // The first success says that a webhook is well, which is not plain; the second says nothing new.
  await world.db.webhook.updateMany({
    where: { id: { in: claimed.map(({ webhookId }) => webhookId) } },
    data: { isProven: true },
  });
  const result = responded(201, { "x-id": "7" });
  const settled = { outcome: "settled", settlement: { state: "succeeded" } };
  const attempt = { result, requestHeaders: REQUEST_HEADERS };
  expect(await recordPlain(world.context, [{ claim: plainClaim, ...attempt }])).toEqual([settled]);
  expect(await recordAttempts(world.context, [{ claim: generalClaim, ...attempt }])).toEqual([settled]);
  const recorded = await Promise.all(ids.map((id) => rowOf(world, id)));
  expect(comparable(recorded[0] ?? {})).toEqual(comparable(recorded[1] ?? {}));
  const attempts = await Promise.all(ids.map((id) => attemptsOf(world, id)));
  expect(attempts[0]?.map(comparable)).toEqual(attempts[1]?.map(comparable));
  expect(attempts[0]).toHaveLength(1);
});

test("only one event for whoever wants it, without a key, may be plain", async () => {
  const organizationId = await newOrganization(world);
  expect(mayBePlain({ organizationId, events: [EVENT] })).toBe(true);
  expect(mayBePlain({ organizationId, events: [EVENT, EVENT] })).toBe(false);
  expect(mayBePlain({ organizationId, events: [{ ...EVENT, webhookIds: [] }] })).toBe(false);
  const idempotency = { key: "k", fingerprint: "f" };
  expect(mayBePlain({ organizationId, events: [EVENT], idempotency })).toBe(false);
});

test("a quota, a line and a backlog are not plain: nothing is published, and neighbours are", async () => {
  const [limited, lined, crowded, well] = await Promise.all(Array.from({ length: 4 }, () => newOrganization(world)));
  if (!limited || !lined || !crowded || !well) throw new Error("there are four");
  await setDeliveryQuota(world.context, { organizationId: limited, deliveriesPerMonth: 1 });
  await newWebhook(world, lined, { ordering: "event" });
  await newWebhook(world, crowded);
  await newWebhook(world, well);
  const requests = [limited, lined, crowded, well].map((organizationId) => ({ organizationId, events: [EVENT] }));
  const backlog = { placeOf: (id: string) => (id === crowded ? 1 : 0), join: () => undefined };
  const outcomes = await publishPlain(world.context, requests, backlog);
  expect(outcomes.map((outcome) => outcome?.outcome ?? null)).toEqual([null, null, null, "published"]);
  for (const organizationId of [limited, lined, crowded]) {
    expect(await eventsOf(organizationId)).toEqual({ events: [], deliveries: [] });
  }
  // A line that is for other events does not matter.
  expect(await publishPlain(world.context, [{ organizationId: lined, events: [{ ...EVENT, type: "x" }] }])).toEqual([
    null,
  ]);
});

test("what is early, parked, tried before, taken over or of a disabled webhook is not for a plain claim", async () => {
  const early = await newDelivery(world);
  await shiftTime(world, early.deliveryId, -60_000);
  const lined = await newDelivery(world, { ordering: "event" });
  const tried = await newDelivery(world);
  await attemptOnce(world, tried.deliveryId, REFUSED);
  await shiftTime(world, tried.deliveryId, LOST_MS);
  const lost = await newDelivery(world);
  await claimOne(world, lost.deliveryId);
  await shiftTime(world, lost.deliveryId, LOST_MS);
  const disabled = await newDelivery(world);
  const name = { organizationId: disabled.organizationId, webhookId: disabled.webhook.id };
  await disableWebhook(world.context, name, "by hand");
  await shiftTime(world, disabled.deliveryId, 10);
  const ids = [early, lined, tried, lost, disabled].map(({ deliveryId }) => deliveryId);
  const before = await Promise.all(ids.map((id) => rowOf(world, id)));
  expect(await claimPlain(world.context, ids)).toEqual(ids.map(() => null));
  expect(await Promise.all(ids.map((id) => rowOf(world, id)))).toEqual(before);
});

test("of two equal ids one is claimed plainly, and the first attempt of a retry is, too", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await shiftTime(world, deliveryId, 10);
  const claims = await claimPlain(world.context, [deliveryId, deliveryId]);
  expect(claims.map((claim) => claim?.number ?? null)).toEqual([1, null]);
  await recordOne(world, only(claims.slice(0, 1)) ?? (await claimOne(world, deliveryId)), responded(200));
  await retryOne(world, { organizationId, deliveryId });
  await shiftTime(world, deliveryId, 10);
  expect(await claimPlain(world.context, [deliveryId])).toMatchObject([{ series: 2, number: 1, trigger: "manual" }]);
});

test("a delivery whose event is gone fails at a plain claim", async () => {
  const { eventId, deliveryId } = await newDelivery(world);
  await world.db.event.delete({ where: { id: eventId } });
  await shiftTime(world, deliveryId, 10);
  expect(await claimPlain(world.context, [deliveryId])).toEqual([null]);
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "failed", attemptsTotal: 0, leaseUntil: null });
});

test("a success that comes late or says something new of its webhook is not for a plain record, and neighbours are", async () => {
  const slow: SendResult = { ...responded(200), durationMs: SLOW_MS };
  const late = await provenClaim();
  await shiftTime(world, late.deliveryId, LOST_MS);
  await claimOne(world, late.deliveryId);
  const failing = await provenClaim();
  await world.db.webhook.update({ where: { id: failing.webhookId }, data: { failingSince: new Date() } });
  const slower = await provenClaim();
  const well = await provenClaim();
  const attempts = [late, failing, slower, well].map((claim) => ({
    claim,
    result: claim === slower ? slow : responded(200),
    requestHeaders: REQUEST_HEADERS,
  }));
  expect(attempts.every(mayBePlainAttempt)).toBe(true);
  expect(mayBePlainAttempt({ claim: well, result: REFUSED, requestHeaders: REQUEST_HEADERS })).toBe(false);
  const outcomes = await recordPlain(world.context, attempts);
  expect(outcomes.map((outcome) => outcome?.outcome ?? null)).toEqual([null, null, null, "settled"]);
  for (const { deliveryId } of [late, failing, slower]) {
    expect(await attemptsOf(world, deliveryId)).toEqual([]);
    expect(await rowOf(world, deliveryId)).toMatchObject({ state: "in_flight", attemptsTotal: 0 });
  }
  // The same once more, as after an answer that got lost.
  expect(await recordPlain(world.context, attempts.slice(3))).toEqual([null]);
  expect(await attemptsOf(world, well.deliveryId)).toHaveLength(1);
});

/** A claim of a webhook that has answered well, and soon. */
async function provenClaim() {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, responded(200));
  const next = await publishOne(world, organizationId);
  expect(await world.db.webhook.findUnique({ where: { id: webhook.id } })).toMatchObject({ isProven: true });
  return claimOne(world, only(next.deliveryIds));
}

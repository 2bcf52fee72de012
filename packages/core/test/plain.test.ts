import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { uuidFloor } from "@homing/db/week";
import { createAttemptStatements } from "../src/deliveries/attempt-statements.js";
import { type Claim, claimDeliveries } from "../src/deliveries/claim.js";
import { claimPlain } from "../src/deliveries/claim-plain.js";
import { putOff } from "../src/deliveries/put-off.js";
import { listAttempts } from "../src/deliveries/read.js";
import { recordAttempts } from "../src/deliveries/record.js";
import { mayBePlain as mayBePlainAttempt, recordPlain } from "../src/deliveries/record-plain.js";
import type { PublishRequest } from "../src/events/event.js";
import { publishEvents } from "../src/events/publish.js";
import { mayBePlain, publishPlain } from "../src/events/publish-plain.js";
import { createKey } from "../src/organizations/create-key.js";
import { setDeliveryQuota } from "../src/organizations/quota.js";
import { revokeKey } from "../src/organizations/revoke-key.js";
import type { SendResult } from "../src/outcome.js";
import { archiveWebhook, disableWebhook } from "../src/webhooks/state.js";
import { updateWebhook } from "../src/webhooks/update.js";
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
const RACED = 30;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
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

async function newListeners(): Promise<PublishRequest> {
  const organizationId = await newOrganization(world);
  await newWebhook(world, organizationId);
  const disabled = await newWebhook(world, organizationId, { eventTypes: ["invoice.*"] });
  await disableWebhook(world.context, { organizationId, webhookId: disabled.id }, "by hand");
  return { organizationId, events: [EVENT] };
}

test("a publish leaves the same behind, plain or not", async () => {
  const [plain, general] = [await newListeners(), await newListeners()];
  const handedOver = world.hints.length;
  const outcomes = [
    ...(await publishPlain(world.context, [{ ...plain, apiKeyId: null }])),
    ...(await publishEvents(world.context, [general])),
  ];
  for (const outcome of outcomes) {
    expect(outcome).toEqual({
      outcome: "published",
      events: [{ id: expect.any(String), matchedWebhooks: 2, createdAt: expect.any(Date) }],
    });
  }
  const hints = world.hints.slice(handedOver);
  expect(hints.map(({ organizationId }) => organizationId)).toEqual([plain.organizationId, general.organizationId]);
  const [plainHint, generalHint] = hints.map(comparable);
  expect(plainHint).toEqual(generalHint);
  const [ours, theirs] = await Promise.all([eventsOf(plain.organizationId), eventsOf(general.organizationId)]);
  expect(ours.events.map(comparable)).toEqual(theirs.events.map(comparable));
  const byState = (deliveries: object[]) =>
    deliveries.map(comparable).toSorted((one, other) => String(one["state"]).localeCompare(String(other["state"])));
  expect(byState(ours.deliveries)).toEqual(byState(theirs.deliveries));
  expect(byState(ours.deliveries).map(({ state }) => state)).toEqual(["held", "pending"]);
});

test("a claim leaves the same behind, plain or not", async () => {
  const [plain, general] = [await newDelivery(world), await newDelivery(world)];
  await shiftTime(world, plain.deliveryId, 10);
  await shiftTime(world, general.deliveryId, 10);
  const claim = only(await claimPlain(world.context, [plain.deliveryId]));
  const outcome = only(await claimDeliveries(world.context, [general.deliveryId]));
  const other = outcome.outcome === "claimed" ? outcome.claim : null;
  if (claim === null || other === null) throw new Error("both are due");
  const named = { eventName: "evt", secrets: "one of its own" };
  expect({ ...comparable(claim), ...named }).toEqual({ ...comparable(other), ...named });
  expect(claim.secrets).toHaveLength(1);
  const [ours, theirs] = await Promise.all([rowOf(world, plain.deliveryId), rowOf(world, general.deliveryId)]);
  expect(comparable(ours)).toEqual(comparable(theirs));
});

test("a record leaves the same behind, plain or not", async () => {
  const [plain, general] = [await provenClaim(), await provenClaim()];
  const result = responded(201, { "x-id": "7" });
  const sentAtMs = Date.now() - 5 * 60 * 1000;
  const requestHeaders = {
    "webhook-timestamp": String(Math.floor(sentAtMs / 1000)),
    "webhook-signature": `v1,${Buffer.alloc(32, 7).toString("base64")}`,
    "x-token": "[redacted]",
  };
  const attempt = { result, requestHeaders, sentAtMs };
  const settled = [{ outcome: "settled", settlement: { state: "succeeded" } }];
  expect(await recordPlain(world.context, [{ claim: plain, ...attempt }])).toEqual(settled);
  expect(await recordAttempts(world.context, [{ claim: general, ...attempt }])).toEqual(settled);
  const [ours, theirs] = await Promise.all([rowOf(world, plain.deliveryId), rowOf(world, general.deliveryId)]);
  expect(comparable(ours)).toEqual(comparable(theirs));
  const made = await Promise.all([plain, general].map(({ deliveryId }) => attemptsOf(world, deliveryId)));
  expect(made[0]?.map(comparable)).toEqual(made[1]?.map(comparable));
  for (const { organizationId, deliveryId } of [plain, general]) {
    const page = await listAttempts(world.context, { organizationId, deliveryId, limit: 2, after: null });
    const expected = { requestHeaders, responseHeaders: { "x-id": "7" }, createdAt: new Date(sentAtMs) };
    expect(page?.items).toEqual([expect.objectContaining(expected)]);
  }
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
  const requests = [limited, lined, crowded, well].map((organizationId) => ({
    organizationId,
    events: [EVENT],
    apiKeyId: null,
  }));
  const backlog = { placeOf: (id: string) => (id === crowded ? 1 : 0), join: () => undefined };
  const outcomes = await publishPlain(world.context, requests, backlog);
  expect(outcomes.map((outcome) => outcome?.outcome ?? null)).toEqual([null, null, null, "published"]);
  for (const organizationId of [limited, lined, crowded]) {
    expect(await eventsOf(organizationId)).toEqual({ events: [], deliveries: [] });
  }
  // A line that is for other events does not matter.
  expect(
    await publishPlain(world.context, [{ organizationId: lined, events: [{ ...EVENT, type: "x" }], apiKeyId: null }]),
  ).toEqual([null]);
});

test("a key that is revoked, over or another's publishes nothing by a plain statement, and its neighbours do", async () => {
  const [us, them] = [await newKey(), await newKey()];
  const revoked = await newKey(us.organizationId);
  await revokeKey(world.context, { ...revoked, keyId: revoked.apiKeyId });
  const over = await newKey(us.organizationId);
  await world.db.apiKey.update({ where: { id: over.apiKeyId }, data: { expiresAt: new Date(0) } });
  const { organizationId } = us;
  const keys = [revoked.apiKeyId, us.apiKeyId, over.apiKeyId, them.apiKeyId, null, us.apiKeyId, uuidv7()];
  const outcomes = await publishPlain(
    world.context,
    keys.map((apiKeyId) => ({ organizationId, events: [EVENT], apiKeyId })),
  );
  expect(outcomes.map((outcome) => outcome?.outcome ?? null)).toEqual([
    null,
    "published",
    null,
    null,
    "published",
    "published",
    null,
  ]);
  expect((await eventsOf(organizationId)).events).toHaveLength(3);
});

async function newKey(of?: string): Promise<{ organizationId: string; apiKeyId: string }> {
  const organizationId = of ?? (await newOrganization(world));
  const { apiKey } = await createKey(world.context, {
    organizationId,
    name: "a key",
    scopes: ["events:write"],
    expiresAt: null,
    grantedBy: null,
  });
  return { organizationId, apiKeyId: apiKey.id };
}

test("what is early, parked, tried before, put off, taken over or of a disabled webhook is not for a plain claim", async () => {
  const early = await newDelivery(world);
  await shiftTime(world, early.deliveryId, -60_000);
  const lined = await newDelivery(world, { ordering: "event" });
  const tried = await newDelivery(world);
  await attemptOnce(world, tried.deliveryId, REFUSED);
  await shiftTime(world, tried.deliveryId, LOST_MS);
  const faulty = await newDelivery(world);
  await putOff(world.context, await claimOne(world, faulty.deliveryId), "it could not be signed");
  await shiftTime(world, faulty.deliveryId, 60_000);
  const lost = await newDelivery(world);
  await claimOne(world, lost.deliveryId);
  await shiftTime(world, lost.deliveryId, LOST_MS);
  const disabled = await newDelivery(world);
  const name = { organizationId: disabled.organizationId, webhookId: disabled.webhook.id };
  await disableWebhook(world.context, name, "by hand");
  await shiftTime(world, disabled.deliveryId, 10);
  const ids = [early, lined, tried, faulty, lost, disabled].map(({ deliveryId }) => deliveryId);
  const before = await Promise.all(ids.map((id) => rowOf(world, id)));
  expect(await claimPlain(world.context, ids)).toEqual(ids.map(() => null));
  expect(await Promise.all(ids.map((id) => rowOf(world, id)))).toEqual(before);
});

test("a delivery of before, whose faults are counted as 0, is for a plain claim", async () => {
  const { deliveryId } = await newDelivery(world);
  await world.db.delivery.update({ where: { id: deliveryId }, data: { faults: 0 } });
  await shiftTime(world, deliveryId, 10);
  expect(await claimPlain(world.context, [deliveryId])).toMatchObject([{ deliveryId }]);
});

test("a line decides by itself, and so does having been parked, and an archived webhook", async () => {
  const lined = await newDelivery(world);
  await updateWebhook(world.context, { ...nameOf(lined), changes: { ordering: "event" } });
  const parked = await newDelivery(world, { ordering: "event" });
  const second = await publishOne(world, parked.organizationId);
  await world.db.webhook.update({ where: { id: parked.webhook.id }, data: { ordering: "none" } });
  const archived = await newDelivery(world);
  await archiveWebhook(world.context, nameOf(archived));
  const ids = [lined.deliveryId, only(second.deliveryIds), archived.deliveryId];
  for (const id of ids) await shiftTime(world, id, 10);
  expect(await claimPlain(world.context, ids)).toEqual([null, null, null]);
});

function nameOf({ organizationId, webhook }: { organizationId: string; webhook: { id: string } }) {
  return { organizationId, webhookId: webhook.id };
}

test("of many plain claims of the same deliveries at once one wins each, whatever else claims them", async () => {
  const deliveries: string[] = [];
  for (let made = 0; made < RACED; made++) deliveries.push((await newDelivery(world)).deliveryId);
  for (const id of deliveries) await shiftTime(world, id, 10);
  // Dialling takes longer than a claim: without open connections one would make them all, one after the other.
  await Promise.all(Array.from({ length: 10 }, () => claimPlain(world.context, [uuidv7()])));
  const [plain, general] = await Promise.all([
    Promise.all(Array.from({ length: 10 }, () => claimPlain(world.context, deliveries))),
    Promise.all(Array.from({ length: 2 }, () => claimDeliveries(world.context, deliveries))),
  ]);
  const won = [
    ...plain.flat().flatMap((claim) => claim?.deliveryId ?? []),
    ...general.flat().flatMap((outcome) => (outcome.outcome === "claimed" ? outcome.claim.deliveryId : [])),
  ];
  expect(won.toSorted()).toEqual(deliveries.toSorted());
});

test.each([
  ["of one week", []],
  ["of any weeks", [uuidv7({ msecs: Date.now() - WEEK_MS })]],
])(
  "claims and records %s, plain or not, come through though the row changes while they wait for it",
  async (_, others) => {
    const claimed = [await newDelivery(world), await newDelivery(world)].map(({ deliveryId }) => deliveryId);
    for (const id of claimed) await shiftTime(world, id, 10);
    const [byPlain = "", byGeneral = ""] = claimed;
    const plainClaims = await duringChange(byPlain, () => claimPlain(world.context, [byPlain, ...others]));
    expect(plainClaims[0]).toMatchObject({ deliveryId: byPlain });
    const outcomes = await duringChange(byGeneral, () => claimDeliveries(world.context, [byGeneral, ...others]));
    expect(outcomes[0]).toMatchObject({ outcome: "claimed" });

    const [plain, general] = [await provenClaim(), await provenClaim()];
    const madeOf = (claim: Claim) =>
      [claim.deliveryId, ...others].map((deliveryId) => ({
        claim: { ...claim, deliveryId },
        result: responded(200),
        requestHeaders: REQUEST_HEADERS,
        sentAtMs: Date.now(),
      }));
    const settled = { outcome: "settled", settlement: { state: "succeeded" } };
    const recordedPlainly = await duringChange(plain.deliveryId, () => recordPlain(world.context, madeOf(plain)));
    expect(recordedPlainly[0]).toEqual(settled);
    const recorded = await duringChange(general.deliveryId, () => recordAttempts(world.context, madeOf(general)));
    expect(recorded[0]).toEqual(settled);
    for (const { deliveryId } of [plain, general]) {
      expect(await rowOf(world, deliveryId)).toMatchObject({ state: "succeeded", attemptsTotal: 1 });
    }
  },
);

/** Runs `work` while another transaction has the row, changed as a renewal of its lease changes it; commits once `work` waits for it. */
async function duringChange<Result>(deliveryId: string, work: () => Promise<Result>): Promise<Result> {
  const waited = await world.db.$transaction(async (transaction) => {
    await transaction.$executeRaw`
      UPDATE deliveries SET relay_at = relay_at + interval '1 second' WHERE id = ${deliveryId}::uuid`;
    const working = work();
    await waitFor(async () => (await countWaiting()) > 0, { what: "a wait for the row", timeoutMs: 5_000 });
    // A promise that is returned alone would be waited for.
    return { working };
  });
  return waited.working;
}

async function countWaiting(): Promise<number> {
  const [row] = await world.db.$queryRaw<{ waiting: number }[]>`
    SELECT count(*)::int AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return row?.waiting ?? 0;
}

test("of many records of one attempt at once one is written, and it counts once", async () => {
  const claim = await provenClaim();
  const attempt = { claim, result: responded(200), requestHeaders: REQUEST_HEADERS, sentAtMs: Date.now() };
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => recordPlain(world.context, [attempt])));
  expect(outcomes.flat().filter((outcome) => outcome !== null)).toHaveLength(1);
  expect(await rowOf(world, claim.deliveryId)).toMatchObject({ state: "succeeded", attemptsTotal: 1 });
});

test("ids in any order, of weeks that lie apart, are claimed and recorded in one statement", async () => {
  const old = await newDelivery(world);
  const [weeksAgo] = await world.db.$queryRaw<{ id: string }[]>`
    UPDATE deliveries SET id = ${uuidFloor(Date.now() - WEEK_MS)}::uuid WHERE id = ${old.deliveryId}::uuid RETURNING id`;
  const ids = [(await newDelivery(world)).deliveryId, weeksAgo?.id ?? "", (await newDelivery(world)).deliveryId];
  for (const id of ids) await shiftTime(world, id, 10);
  const claims = (await claimPlain(world.context, ids)).filter((claim) => claim !== null);
  expect(claims.map(({ deliveryId }) => deliveryId)).toEqual(ids);
  await world.db.webhook.updateMany({
    where: { id: { in: claims.map(({ webhookId }) => webhookId) } },
    data: { isProven: true },
  });
  const attempts = claims.map((claim) => ({
    claim,
    result: responded(200),
    requestHeaders: REQUEST_HEADERS,
    sentAtMs: Date.now(),
  }));
  const outcomes = await recordPlain(world.context, attempts);
  expect(outcomes.map((outcome) => outcome?.outcome)).toEqual(["settled", "settled", "settled"]);
});

test("a delivery of another week than its event's is not for a plain claim, and its neighbours are", async () => {
  const old = await newDelivery(world);
  const eventId = uuidv7({ msecs: Date.now() - WEEK_MS });
  await world.db.$executeRaw`UPDATE events SET id = ${eventId}::uuid WHERE id = ${old.eventId}::uuid`;
  await world.db.delivery.update({ where: { id: old.deliveryId }, data: { eventId } });
  const ids = [old.deliveryId, (await newDelivery(world)).deliveryId];
  for (const id of ids) await shiftTime(world, id, 10);
  const [oldClaim, claim] = await claimPlain(world.context, ids);
  expect([oldClaim, claim?.deliveryId]).toEqual([null, ids[1]]);
  const outcomes = await claimDeliveries(world.context, ids.slice(0, 1));
  expect(outcomes).toMatchObject([{ outcome: "claimed", claim: { eventId, payload: '{"n":1}' } }]);
});

test("a late and a current success of one delivery in one batch are told apart: the late one is not taken for written", async () => {
  const late = await provenClaim();
  await shiftTime(world, late.deliveryId, LOST_MS);
  const current = await claimOne(world, late.deliveryId);
  const attempts = [late, current].map((claim) => ({
    claim,
    result: responded(200),
    requestHeaders: REQUEST_HEADERS,
    sentAtMs: Date.now(),
  }));
  const outcomes = await recordPlain(world.context, attempts);
  expect(outcomes.map((outcome) => outcome?.outcome ?? null)).toEqual([null, "settled"]);
  expect(await recordAttempts(world.context, attempts.slice(0, 1))).toEqual([{ outcome: "late" }]);
  expect(await rowOf(world, late.deliveryId)).toMatchObject({ state: "succeeded", attemptsTotal: 2 });
  expect(await attemptsOf(world, late.deliveryId)).toHaveLength(2);
});

test("a success beside a failure of its webhook is judged together with it: the webhook stays well", async () => {
  const { organizationId, webhook, deliveryId } = await newDelivery(world, { inFlightMax: 2 });
  await attemptOnce(world, deliveryId, responded(200));
  const published = [await publishOne(world, organizationId), await publishOne(world, organizationId)];
  const claims: Claim[] = [];
  for (const { deliveryIds } of published) claims.push(await claimOne(world, only(deliveryIds)));
  const before = await versionOf(webhook.id);
  const statements = createAttemptStatements(world.context);
  await Promise.all(
    claims.map((claim, index) =>
      statements.record({
        claim,
        result: index === 0 ? REFUSED : responded(200),
        requestHeaders: {},
        sentAtMs: Date.now(),
      }),
    ),
  );
  expect(await versionOf(webhook.id)).toBe(before);
  expect(await world.db.webhook.findUnique({ where: { id: webhook.id } })).toMatchObject({ failingSince: null });
});

/** Another one after each write to the row. */
async function versionOf(webhookId: string): Promise<string | undefined> {
  const [row] = await world.db.$queryRaw<{ version: string }[]>`
    SELECT xmin::text AS version FROM webhooks WHERE id = ${webhookId}::uuid`;
  return row?.version;
}

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
    sentAtMs: Date.now(),
  }));
  expect(attempts.every(mayBePlainAttempt)).toBe(true);
  expect(
    mayBePlainAttempt({ claim: well, result: REFUSED, requestHeaders: REQUEST_HEADERS, sentAtMs: Date.now() }),
  ).toBe(false);
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

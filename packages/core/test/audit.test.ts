import { Prisma } from "@homing/db/client";
import { makePartitions } from "@homing/db/partitions";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { auditDeliveries } from "../src/audit/audit-deliveries.js";
import { cancelDelivery } from "../src/deliveries/cancel.js";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { relayDeliveries } from "../src/deliveries/relay.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import {
  ABORTED,
  attemptOnce,
  claimOne,
  newDelivery,
  openWorld,
  publishOne,
  recordOne,
  REFUSED,
  responded,
  retryOne,
  shiftTime,
  type World,
} from "./world.js";

const LOST_MS = 11_000;
const FAULTS_MAX = 5;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function findings(): Promise<Record<string, string[]>> {
  const broken = (await auditDeliveries(world.context)).filter(({ findings: count }) => count > 0);
  return Object.fromEntries(broken.map(({ invariant, examples }) => [invariant, examples]));
}

test("a database has no findings after deliveries of every fate, also while some are under way", async () => {
  const succeeded = await newDelivery(world);
  await attemptOnce(world, succeeded.deliveryId, responded(204));
  await retryOne(world, succeeded);
  await attemptOnce(world, succeeded.deliveryId, responded(500));
  const retrying = await newDelivery(world);
  await attemptOnce(world, retrying.deliveryId, ABORTED);
  await attemptOnce(world, retrying.deliveryId, REFUSED);
  const failed = await newDelivery(world, { retryPolicy: "kallima" });
  await attemptOnce(world, failed.deliveryId, REFUSED);
  const late = await newDelivery(world);
  const lateClaim = await claimOne(world, late.deliveryId);
  await shiftTime(world, late.deliveryId, LOST_MS);
  await claimOne(world, late.deliveryId);
  await recordOne(world, lateClaim, responded(200));
  const poisonous = await newDelivery(world);
  for (let lost = 0; lost < FAULTS_MAX; lost++) {
    await claimOne(world, poisonous.deliveryId);
    await shiftTime(world, poisonous.deliveryId, LOST_MS);
  }
  await claimDeliveries(world.context, [poisonous.deliveryId]);
  const held = await newDelivery(world);
  await disableWebhook(world.context, { ...held, webhookId: held.webhook.id }, "by hand");
  await publishOne(world, held.organizationId);
  const released = await newDelivery(world);
  await disableWebhook(world.context, { ...released, webhookId: released.webhook.id }, "by hand");
  await publishOne(world, released.organizationId);
  await enableWebhook(world.context, { ...released, webhookId: released.webhook.id });
  const archived = await newDelivery(world);
  await archiveWebhook(world.context, { ...archived, webhookId: archived.webhook.id });
  await shiftTime(world, archived.deliveryId, 10);
  await claimDeliveries(world.context, [archived.deliveryId, held.deliveryId]);
  await cancelDelivery(world.context, await newDelivery(world));
  await claimOne(world, (await newDelivery(world)).deliveryId);
  await relayDeliveries(world.context, { limit: 100, lostAgeMs: null });
  expect(await findings()).toEqual({});
});

interface Subject {
  deliveryId: string;
  eventId: string;
  webhookId: string;
}

type Fate = "pending" | "in_flight" | "succeeded" | "failed";

async function deliveryThatIs(fate: Fate): Promise<Subject> {
  const { deliveryId, eventId, webhook } = await newDelivery(world, { retryPolicy: "kallima" });
  if (fate === "in_flight") await claimOne(world, deliveryId);
  if (fate === "succeeded") await attemptOnce(world, deliveryId, responded(200));
  if (fate === "failed") await attemptOnce(world, deliveryId, REFUSED);
  return { deliveryId, eventId, webhookId: webhook.id };
}

const delivery = (change: string) => (subject: Subject) =>
  Prisma.sql`UPDATE deliveries SET ${Prisma.raw(change)} WHERE id = ${subject.deliveryId}::uuid`;
const webhook = (change: string) => (subject: Subject) =>
  Prisma.sql`UPDATE webhooks SET ${Prisma.raw(change)} WHERE id = ${subject.webhookId}::uuid`;
const attempts = (change: string) => (subject: Subject) =>
  Prisma.sql`UPDATE attempts SET ${Prisma.raw(change)} WHERE delivery_id = ${subject.deliveryId}::uuid`;
const line = (pullAt: string) => (subject: Subject) =>
  Prisma.sql`INSERT INTO webhook_lines (webhook_id, pull_at, parked_at)
             VALUES (${subject.webhookId}::uuid, ${Prisma.raw(pullAt)}, now())`;
const PARKED = delivery("parked_at = now(), relay_at = NULL");
const HELD = delivery("state = 'held', next_attempt_at = NULL, relay_at = NULL");

const BREAKS: [invariant: string, how: string, fate: Fate, changes: ((subject: Subject) => Prisma.Sql)[]][] = [
  ["unwatched", "due without a time", "pending", [delivery("next_attempt_at = NULL")]],
  ["unwatched", "due without a look", "pending", [delivery("relay_at = NULL")]],
  ["unwatched", "in flight without a lease", "in_flight", [delivery("lease_until = NULL")]],
  ["lease_overdue", "a lease that ran out", "in_flight", [delivery("lease_until = now() - interval '61 s'")]],
  ["attempt_endless", "a lease renewed for ever", "in_flight", [delivery("updated_at = now() - interval '121 s'")]],
  ["relay_overdue", "nobody looked", "pending", [delivery("relay_at = now() - interval '61 s'")]],
  ["line_unattended", "parked without a line", "pending", [PARKED]],
  ["line_unattended", "nobody pulls", "pending", [PARKED, line("now() - interval '61 s'")]],
  ["held_by_enabled", "an enabled webhook", "pending", [HELD]],
  [
    "held_by_enabled",
    "an archived webhook",
    "pending",
    [HELD, webhook("state = 'archived', archived_at = now() - interval '61 s'")],
  ],
  [
    "in_flight_to_stopped",
    "an archived webhook",
    "in_flight",
    [webhook("state = 'archived', archived_at = now() - interval '61 s'")],
  ],
  [
    "in_flight_to_stopped",
    "a disabled webhook",
    "in_flight",
    [webhook("state = 'disabled', disabled_at = now() - interval '61 s'")],
  ],
  ["without_webhook", "it is gone", "pending", [delivery("webhook_id = gen_random_uuid()")]],
  ["success_unproven", "only a refusal", "succeeded", [attempts("response_status = 500")]],
  ["delivered_at_wrong", "succeeded at no time", "succeeded", [delivery("delivered_at = NULL")]],
  ["delivered_at_wrong", "failed, with a time", "failed", [delivery("delivered_at = now()")]],
  ["attempts_miscounted", "too many", "succeeded", [delivery("attempts_total = 2")]],
  ["attempts_miscounted", "too few", "failed", [delivery("attempts_total = 0, faults = 5")]],
  ["number_ahead", "a number", "failed", [attempts("number = 2")]],
  ["number_ahead", "a series", "failed", [attempts("series = 2")]],
  ["failure_unexplained", "no reason", "failed", [delivery("last_error = NULL")]],
  [
    "failure_unexplained",
    "no attempt",
    "pending",
    [delivery("state = 'failed', last_error = 'x', next_attempt_at = NULL, relay_at = NULL")],
  ],
  ["finished_but_due", "a next attempt", "succeeded", [delivery("next_attempt_at = now()")]],
  ["finished_but_due", "a look", "failed", [delivery("relay_at = now()")]],
  [
    "deliveries_missing",
    "one is gone",
    "succeeded",
    [({ deliveryId }) => Prisma.sql`DELETE FROM deliveries WHERE id = ${deliveryId}::uuid`],
  ],
  [
    "event_missing",
    "it is gone",
    "succeeded",
    [({ eventId }) => Prisma.sql`DELETE FROM events WHERE id = ${eventId}::uuid`],
  ],
];

describe("a break of an invariant is found", () => {
  beforeAll(async () => {
    await world.db.$executeRaw`
      ALTER TABLE deliveries
        DROP CONSTRAINT deliveries_relay_at_check,
        DROP CONSTRAINT deliveries_parked_at_check,
        DROP CONSTRAINT deliveries_next_attempt_at_check,
        DROP CONSTRAINT deliveries_lease_until_check`;
  });

  afterEach(async () => {
    await world.db.$executeRaw`TRUNCATE deliveries, attempts, events, webhook_lines`;
  });

  test.each(BREAKS)("%s: %s", async (invariant, _how, fate, changes) => {
    const subject = await deliveryThatIs(fate);
    const before = await findings();
    expect(before).not.toHaveProperty(invariant);
    for (const change of changes) await world.db.$executeRaw(change(subject));
    const id = invariant === "deliveries_missing" ? subject.eventId : subject.deliveryId;
    expect((await findings())[invariant]).toEqual([id]);
  });
});

test("each invariant that is audited is broken here", async () => {
  const audited = (await auditDeliveries(world.context)).map(({ invariant }) => invariant);
  expect(new Set(BREAKS.map(([invariant]) => invariant))).toEqual(new Set(audited));
});

describe("what retention took is no finding:", () => {
  const OLD_ID = "0180a000-0000-7000-8000-000000000001";
  const OLD_MS = 0x0180a0000000;

  afterEach(async () => {
    await world.db.$executeRaw`TRUNCATE deliveries, attempts, events`;
  });

  test("the event of a finished delivery", async () => {
    const { deliveryId } = await deliveryThatIs("succeeded");
    await world.db.$executeRaw`UPDATE deliveries SET event_id = ${OLD_ID}::uuid WHERE id = ${deliveryId}::uuid`;
    expect(await findings()).not.toHaveProperty("event_missing");
  });

  test("the deliveries of an event's week", async () => {
    await makePartitions(world.db, OLD_MS);
    await world.db.$executeRaw`
      INSERT INTO events (id, organization_id, type, payload, occurred_at, matched_webhooks)
      VALUES (${OLD_ID}::uuid, gen_random_uuid(), 'a.b', '{}', now(), 1)`;
    expect(await findings()).toMatchObject({ deliveries_missing: [OLD_ID] });
    const [place] = await world.db.$queryRaw<{ name: string }[]>`
      SELECT replace(tableoid::regclass::text, 'events', 'deliveries') AS name FROM events WHERE id = ${OLD_ID}::uuid`;
    await world.db.$executeRaw`DROP TABLE ${Prisma.raw(place?.name ?? "")}`;
    expect(await findings()).not.toHaveProperty("deliveries_missing");
  });
});

test("of many findings all are counted and 20 are shown", async () => {
  for (let count = 0; count < 21; count++) await deliveryThatIs("succeeded");
  await world.db.$executeRaw`UPDATE deliveries SET delivered_at = NULL`;
  const result = (await auditDeliveries(world.context)).find(({ invariant }) => invariant === "delivered_at_wrong");
  expect(result).toMatchObject({ findings: 21, examples: expect.any(Array) });
  expect(result?.examples).toHaveLength(20);
});

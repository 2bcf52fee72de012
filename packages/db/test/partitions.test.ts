import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import type { Database } from "../src/client.js";
import { dropPartitions, makePartitions } from "../src/partitions.js";
import { WEEK_MS, weekStart } from "../src/week.js";
import { openMigrated } from "./template.js";

const NOW_MS = Date.now();
const DAY_MS = 24 * 60 * 60 * 1000;
const FAR_MS = weekStart(NOW_MS) - 20 * WEEK_MS + DAY_MS;
const RETENTION = { nowMs: NOW_MS, retentionMs: 30 * DAY_MS };
const UNFINISHED = [
  { state: "pending", next_attempt_at: new Date(), relay_at: new Date(), lease_until: null },
  { state: "in_flight", next_attempt_at: null, relay_at: new Date(), lease_until: new Date() },
  { state: "held", next_attempt_at: null, relay_at: null, lease_until: null },
];
const FINISHED = ["succeeded", "failed", "cancelled", "skipped"].map((state) => ({
  state,
  next_attempt_at: null,
  relay_at: null,
  lease_until: null,
}));

let db: Database;
let close: () => Promise<void>;

beforeEach(async () => {
  ({ db, close } = await openMigrated(4));
});

afterEach(() => close());

function nameOf(table: string, timeMs: number): string {
  return `${table}_p${new Date(weekStart(timeMs)).toISOString().slice(0, 10).replaceAll("-", "")}`;
}

function namesOf(timeMs: number): string[] {
  return ["attempts", "deliveries", "events"].map((table) => nameOf(table, timeMs));
}

async function insertDelivery(
  times: { eventMs: number; deliveryMs: number },
  { state, next_attempt_at, relay_at, lease_until }: (typeof UNFINISHED)[number] | (typeof FINISHED)[number],
): Promise<{ eventId: string; deliveryId: string }> {
  const eventId = uuidv7({ msecs: times.eventMs });
  const deliveryId = uuidv7({ msecs: times.deliveryMs });
  await db.$executeRaw`
    INSERT INTO events (id, organization_id, type, payload, occurred_at, matched_webhooks)
    VALUES (${eventId}::uuid, ${uuidv7()}::uuid, 'invoice.paid', '{}', now(), 1)`;
  await db.$executeRaw`
    INSERT INTO deliveries (id, organization_id, event_id, webhook_id, state, next_attempt_at, relay_at, lease_until)
    VALUES (${deliveryId}::uuid, ${uuidv7()}::uuid, ${eventId}::uuid, ${uuidv7()}::uuid, ${state}::delivery_state,
            ${next_attempt_at}, ${relay_at}, ${lease_until})`;
  return { eventId, deliveryId };
}

test("partitions are made from a week behind to four weeks ahead, and those that exist stay", async () => {
  const later = NOW_MS + 2 * WEEK_MS;
  const made = await makePartitions(db, later);
  expect(made.toSorted()).toEqual([...namesOf(NOW_MS + 5 * WEEK_MS), ...namesOf(NOW_MS + 6 * WEEK_MS)].toSorted());
  expect(await makePartitions(db, later)).toEqual([]);
});

test("several processes may make the same partitions at once", async () => {
  const later = NOW_MS + 20 * WEEK_MS;
  await Promise.all([makePartitions(db, later), makePartitions(db, later), makePartitions(db, later)]);
  expect(await makePartitions(db, later)).toEqual([]);
});

test("a row with an id of now lands in this week's partition", async () => {
  const { eventId, deliveryId } = await insertDelivery(
    { eventMs: NOW_MS, deliveryMs: NOW_MS },
    FINISHED[0] ?? neverEmpty(),
  );
  const rows = await db.$queryRaw`
    SELECT tableoid::regclass::text AS partition FROM events WHERE id = ${eventId}::uuid
    UNION ALL SELECT tableoid::regclass::text FROM deliveries WHERE id = ${deliveryId}::uuid`;
  expect(rows).toEqual([{ partition: nameOf("events", NOW_MS) }, { partition: nameOf("deliveries", NOW_MS) }]);
});

test("the id that Postgres makes for a delivery is a UUIDv7 of now", async () => {
  const [row] = await db.$queryRaw<{ id: string; now_ms: number }[]>`
    SELECT homing_uuid_v7() AS id, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`;
  expect(row?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const madeMs = Number.parseInt(row?.id.replaceAll("-", "").slice(0, 12) ?? "", 16);
  expect(Math.abs(madeMs - (row?.now_ms ?? 0))).toBeLessThan(1_000);
});

test("partitions of weeks that are wholly past the retention are dropped, younger ones are not", async () => {
  await makePartitions(db, FAR_MS);
  const [oldest] = await dropPartitions(db, {
    nowMs: FAR_MS - WEEK_MS + 7 * DAY_MS + 30 * DAY_MS,
    retentionMs: 30 * DAY_MS,
  });
  expect(oldest).toBe(nameOf("deliveries", FAR_MS - WEEK_MS));
  const dropped = await dropPartitions(db, RETENTION);
  expect(dropped).toContain(nameOf("events", FAR_MS));
  expect(dropped).toContain(nameOf("attempts", FAR_MS));
  expect(dropped).not.toContain(nameOf("events", NOW_MS - WEEK_MS));
  expect(await dropPartitions(db, RETENTION)).toEqual([]);
});

test.each(FINISHED)("a week whose deliveries are $state is dropped", async (columns) => {
  await makePartitions(db, FAR_MS);
  await insertDelivery({ eventMs: FAR_MS, deliveryMs: FAR_MS }, columns);
  expect(await dropPartitions(db, RETENTION)).toEqual(expect.arrayContaining(namesOf(FAR_MS)));
});

test.each(UNFINISHED)("a week with a delivery that is $state stays", async (columns) => {
  await makePartitions(db, FAR_MS);
  const { eventId } = await insertDelivery({ eventMs: FAR_MS, deliveryMs: FAR_MS }, columns);
  const dropped = await dropPartitions(db, RETENTION);
  for (const name of namesOf(FAR_MS)) expect(dropped).not.toContain(name);
  expect(dropped).toContain(nameOf("events", FAR_MS + WEEK_MS));
  expect(await db.event.count({ where: { id: eventId } })).toBe(1);
});

test.each([
  ["a week later", 1],
  ["a week earlier, by a clock that is behind", -1],
])("an event stays as long as its delivery that was made %s is unfinished", async (_, weeks) => {
  await makePartitions(db, FAR_MS);
  const times = { eventMs: FAR_MS, deliveryMs: FAR_MS + weeks * WEEK_MS };
  const { eventId } = await insertDelivery(times, UNFINISHED[0] ?? neverEmpty());
  expect(await dropPartitions(db, RETENTION)).not.toContain(nameOf("events", FAR_MS));
  expect(await db.event.count({ where: { id: eventId } })).toBe(1);
});

test.each(UNFINISHED)(
  "an event that was sent again long after stays as long as that delivery is $state",
  async (columns) => {
    await makePartitions(db, FAR_MS);
    const { eventId, deliveryId } = await insertDelivery({ eventMs: FAR_MS, deliveryMs: NOW_MS }, columns);
    const dropped = await dropPartitions(db, RETENTION);
    expect(dropped).toContain(nameOf("deliveries", FAR_MS));
    expect(dropped).not.toContain(nameOf("events", FAR_MS));
    expect(await db.event.count({ where: { id: eventId } })).toBe(1);
    await db.$executeRaw`
    UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, relay_at = NULL, lease_until = NULL WHERE id = ${deliveryId}::uuid`;
    expect(await dropPartitions(db, RETENTION)).toContain(nameOf("events", FAR_MS));
  },
);

function neverEmpty(): never {
  throw new Error("the table above is empty");
}

test("a delivery that is reopened while its week is being dropped stays", async () => {
  await makePartitions(db, FAR_MS);
  const { deliveryId } = await insertDelivery({ eventMs: FAR_MS, deliveryMs: FAR_MS }, UNFINISHED[2] ?? neverEmpty());
  // Leaves this week alone to be dropped.
  await dropPartitions(db, RETENTION);
  await db.$executeRaw`UPDATE deliveries SET state = 'failed' WHERE id = ${deliveryId}::uuid`;
  let dropping: Promise<string[]> | undefined;
  await db.$transaction(async (transaction) => {
    await transaction.$executeRaw`
      UPDATE deliveries SET state = 'pending', next_attempt_at = now(), relay_at = now() WHERE id = ${deliveryId}::uuid`;
    dropping = dropPartitions(db, RETENTION);
    await waitForBlockedLock();
  });
  const dropped = await dropping;
  expect(dropped).not.toContain(nameOf("deliveries", FAR_MS));
  expect(dropped).not.toContain(nameOf("events", FAR_MS));
  expect(await db.delivery.count({ where: { id: deliveryId, state: "pending" } })).toBe(1);
});

/** Until somebody waits for a table's lock. */
async function waitForBlockedLock(): Promise<void> {
  for (;;) {
    const [row] = await db.$queryRaw<{ waiting: boolean }[]>`
      SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation') AS waiting`;
    if (row?.waiting) return;
  }
}

import { Prisma } from "@homing/db/client";
import { WEEK_MS } from "@homing/db/week";
import type { Invariant } from "./invariant.js";

/** A delivery is made with its event, but by another clock: it may stand in the week beside its event's. */
const CLOCKS_APART_MS = 60 * 60 * 1000;

/** Whether the week of a UUIDv7 has not been dropped: retention takes a week's deliveries before its events. */
function isKept(table: "events" | "deliveries", id: Prisma.Sql, shiftMs: number): Prisma.Sql {
  const ms = Prisma.sql`(('x' || left(replace(${id}::text, '-', ''), 12))::bit(48)::bigint + ${shiftMs}::bigint)`;
  const weekStart = Prisma.sql`to_timestamp(${ms} / ${WEEK_MS}::bigint * ${WEEK_MS}::bigint / 1000)`;
  return Prisma.sql`to_regclass(${`${table}_p`} || to_char(${weekStart} AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NOT NULL`;
}

const EVENT_ID = Prisma.sql`events.id`;

/** What was acknowledged is all there. */
export const PUBLISHING_INVARIANTS: readonly Invariant[] = [
  {
    name: "deliveries_missing",
    meaning: "an event with fewer deliveries than it matched webhooks",
    // A retry or replay makes more of them later.
    findings: Prisma.sql`
      SELECT events.id FROM events
      LEFT JOIN (SELECT event_id, count(*) AS made FROM deliveries GROUP BY event_id) counted ON event_id = events.id
      WHERE matched_webhooks > coalesce(made, 0)
        AND ${isKept("deliveries", EVENT_ID, -CLOCKS_APART_MS)} AND ${isKept("deliveries", EVENT_ID, CLOCKS_APART_MS)}`,
  },
  {
    name: "event_missing",
    meaning: "a delivery without its event, though it is not finished or retention has not come to the event",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE NOT EXISTS (SELECT FROM events WHERE events.id = event_id)
        AND (state IN ('pending', 'in_flight', 'held') OR ${isKept("events", Prisma.sql`event_id`, 0)})`,
  },
];

import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { textsOf } from "../texts.js";
import type { Event } from "./event.js";

/** How far an event has come: its worst delivery, the newest to each webhook counting; `skipped`, too, when no webhook was to get it. */
export type EventProgress = "waiting" | "under_way" | "succeeded" | "failed" | "skipped";

/** An event and what came of it. */
export interface FollowedEvent extends Event {
  organizationId: string;
  progress: EventProgress;
  /** When its first delivery was made; null: it has none. */
  queuedAt: Date | null;
  /** When the last of its deliveries came to an end; null while one of them goes on. */
  settledAt: Date | null;
}

export interface FollowedEvents {
  /** How many there are, on this page or not. */
  total: number;
  events: FollowedEvent[];
}

/** A count of all events would take longer the more there are: older ones than the newest so many are passed over. */
const EVENTS_LOOKED_AT_MAX = 100_000;

interface FollowedRow {
  id: string;
  organization_id: string;
  type: string;
  payload: string;
  attributes: unknown;
  occurred_at: Date;
  matched_webhooks: number;
  created_at: Date;
  progress: EventProgress;
  queued_at: Date | null;
  settled_at: Date | null;
}

/** What came of one event of an organization, or null. */
export async function followEvent(
  { db }: Pick<Context, "db">,
  { organizationId, eventId }: { organizationId: string; eventId: string },
): Promise<FollowedEvent | null> {
  const [row] = await db.$queryRaw<FollowedRow[]>`
    SELECT events.*, followed.* FROM events CROSS JOIN LATERAL (${PROGRESS}) followed
    WHERE events.id = ${eventId}::uuid AND events.organization_id = ${organizationId}::uuid`;
  return row ? toFollowedEvent(row) : null;
}

/** An organization's newest events and what came of them, newest first. */
export async function followEvents(
  { db }: Pick<Context, "db">,
  { organizationId, progress, limit }: { organizationId: string; progress: EventProgress | null; limit: number },
): Promise<FollowedEvents> {
  const isWanted =
    progress === null ? Prisma.empty : Prisma.sql`WHERE (SELECT progress FROM (${PROGRESS}) followed) = ${progress}`;
  const rows = await db.$queryRaw<(FollowedRow & { total: number })[]>`
    WITH wanted AS MATERIALIZED (
      SELECT id FROM (
        SELECT id, created_at FROM events WHERE organization_id = ${organizationId}::uuid
        ORDER BY id DESC LIMIT ${EVENTS_LOOKED_AT_MAX}
      ) events
      ${isWanted}
    )
    SELECT events.*, followed.*, (SELECT count(*)::int FROM wanted) AS total
    FROM (SELECT id FROM wanted ORDER BY id DESC LIMIT ${limit}) page
    JOIN events USING (id)
    CROSS JOIN LATERAL (${PROGRESS}) followed
    ORDER BY events.id DESC`;
  return { total: rows[0]?.total ?? 0, events: rows.map(toFollowedEvent) };
}

/** Of a row `events`. */
const PROGRESS = Prisma.sql`
  SELECT queued_at, progress, CASE WHEN NOT is_open THEN coalesce(ended_at, events.created_at) END AS settled_at
  FROM (
    SELECT min(created_at) AS queued_at, max(updated_at) AS ended_at,
           coalesce(bool_or(state IN ('pending', 'held', 'in_flight')), false) AS is_open,
           CASE
             WHEN bool_or(state IN ('failed', 'cancelled')) THEN 'failed'
             WHEN bool_or(state = 'in_flight' OR (state = 'pending' AND attempts_in_series > 0)) THEN 'under_way'
             WHEN bool_or(state IN ('pending', 'held')) THEN 'waiting'
             WHEN count(*) = 0 OR bool_or(state = 'skipped') THEN 'skipped'
             ELSE 'succeeded'
           END AS progress
    FROM (
      SELECT DISTINCT ON (webhook_id) state, attempts_in_series, created_at, updated_at
      FROM deliveries WHERE event_id = events.id ORDER BY webhook_id, id DESC
    ) newest
  ) summed`;

function toFollowedEvent(row: FollowedRow): FollowedEvent {
  return {
    id: row.id,
    organizationId: row.organization_id,
    type: row.type,
    payload: row.payload,
    attributes: textsOf(row.attributes),
    occurredAt: row.occurred_at,
    matchedWebhooks: row.matched_webhooks,
    createdAt: row.created_at,
    progress: row.progress,
    queuedAt: row.queued_at,
    settledAt: row.settled_at,
  };
}

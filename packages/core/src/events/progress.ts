import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { textsOf } from "../texts.js";
import { type Weighed, type WithPayload, withPayload } from "./payloads.js";
import type { EventSummary } from "./read.js";

/** How far an event has come: its worst delivery, the newest to each webhook counting; `skipped`, too, when no webhook was to get it. */
export type EventProgress = "waiting" | "under_way" | "succeeded" | "failed" | "skipped";

/** An event and what came of it; `withPayloads` loads what was published. */
export interface FollowedEvent extends EventSummary, Weighed {
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

/** Each event's deliveries are looked up to tell its progress: older events than the newest so many are passed over. */
const EVENTS_LOOKED_AT_MAX = 10_000;

interface FollowedRow {
  id: string;
  organization_id: string;
  type: string;
  payload_bytes: number;
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
): Promise<WithPayload<FollowedEvent> | null> {
  const [row] = await db.$queryRaw<FollowedRow[]>`
    SELECT ${FOLLOWED_COLUMNS} FROM events CROSS JOIN LATERAL (${PROGRESS}) followed
    WHERE events.id = ${eventId}::uuid AND events.organization_id = ${organizationId}::uuid`;
  return row ? withPayload({ db }, { organizationId, item: toFollowedEvent(row) }) : null;
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
    SELECT ${FOLLOWED_COLUMNS}, (SELECT count(*)::int FROM wanted) AS total
    FROM (SELECT id FROM wanted ORDER BY id DESC LIMIT ${limit}) page
    JOIN events USING (id)
    CROSS JOIN LATERAL (${PROGRESS}) followed
    ORDER BY events.id DESC`;
  return { total: rows[0]?.total ?? 0, events: rows.map(toFollowedEvent) };
}

/** Of rows `events` and their `followed`. */
const FOLLOWED_COLUMNS = Prisma.sql`events.id, events.organization_id, events.type, octet_length(events.payload) AS payload_bytes,
  events.attributes, events.occurred_at, events.matched_webhooks, events.created_at, followed.*`;

/** Of a row `events`. */
const PROGRESS = Prisma.sql`
  SELECT queued_at, progress, CASE WHEN NOT is_open THEN coalesce(ended_at, events.created_at) END AS settled_at
  FROM (
    SELECT min(first_made_at) AS queued_at, max(updated_at) AS ended_at,
           coalesce(bool_or(state IN ('pending', 'held', 'in_flight')), false) AS is_open,
           CASE
             WHEN bool_or(state IN ('failed', 'cancelled')) THEN 'failed'
             WHEN bool_or(state = 'in_flight' OR (state = 'pending' AND attempts_in_series > 0)) THEN 'under_way'
             WHEN bool_or(state IN ('pending', 'held')) THEN 'waiting'
             WHEN count(*) = 0 OR bool_or(state = 'skipped') THEN 'skipped'
             ELSE 'succeeded'
           END AS progress
    FROM (
      SELECT DISTINCT ON (webhook_id) state, attempts_in_series, updated_at, min(homing_uuid_time(id)) OVER () AS first_made_at
      FROM deliveries WHERE event_id = events.id ORDER BY webhook_id, id DESC
    ) newest
  ) summed`;

function toFollowedEvent(row: FollowedRow): FollowedEvent {
  return {
    id: row.id,
    eventId: row.id,
    organizationId: row.organization_id,
    type: row.type,
    payloadBytes: row.payload_bytes,
    attributes: textsOf(row.attributes),
    occurredAt: row.occurred_at,
    matchedWebhooks: row.matched_webhooks,
    createdAt: row.created_at,
    progress: row.progress,
    queuedAt: row.queued_at,
    settledAt: row.settled_at,
  };
}

import { Prisma } from "@homing/db/client";
import type { Context, Hint } from "../context.js";
import { BACKLOG_START } from "./backlog.js";
import { HINT_HORIZON_MS, HINT_PATIENCE_MS, handOver } from "./hint.js";
import { IS_SUSPECT } from "./move-due.js";

interface RelayedRow {
  id: string;
  organization_id: string;
  event_id: string;
  webhook_id: string;
  series: number;
  attempts_in_series: number;
  delay_ms: number;
  is_taken_over: boolean;
  is_suspect: boolean;
  is_overdue: boolean;
  hint_set: string | null;
}

export interface RelayOptions {
  /** Most to hand over. */
  limit: number;
  lostAgeMs: number | null;
  /** Organizations that are passed over, and with them the backlog. */
  passing?: readonly string[];
  /** The backlog is left alone. */
  isDueOnly?: boolean;
}

/**
 * Hands over what waits for a worker and has no hint in the queue: retries that came due, leases that ran out, hints that
 * got lost; then, up to the limit, what waits in the backlog. Any number of relays may run at once: each takes rows that no other holds.
 * @param options.lostAgeMs hints handed over so many milliseconds ago or earlier are known to be gone and are handed over again
 *   without waiting for their patience to run out; null when none are
 * @returns how many were handed over, where `limit` means that there may be more; and whether the queue took them
 */
export async function relayDeliveries(
  context: Pick<Context, "db" | "enqueue" | "log">,
  options: RelayOptions,
): Promise<{ handedOver: number; isTaken: boolean }> {
  const rows = await takeWaiting(context.db, options);
  const isTaken = await handOver(context, rows.toSorted(byEvent).map(toHint));
  return { handedOver: rows.length, isTaken };
}

function toHint(row: RelayedRow): Hint {
  return {
    deliveryId: row.id,
    organizationId: row.organization_id,
    webhookId: row.webhook_id,
    series: row.series,
    number: row.attempts_in_series + 1,
    delayMs: row.delay_ms,
    ...(row.is_taken_over && { isTakenOver: true }),
    ...(row.is_suspect && { isSuspect: true }),
    ...(row.is_overdue && { isOverdue: true }),
    ...(row.hint_set !== null && { set: row.hint_set }),
  };
}

/** A UUIDv7 sorts by its time: what was published first is handed over first, in the order in which the publish does it. */
function byEvent(one: RelayedRow, other: RelayedRow): number {
  if (one.event_id !== other.event_id) return one.event_id < other.event_id ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}

/**
 * It was handed over as due and waits in the queue, or its hint got lost. Those that one statement handed over keep the time of it, by
 * which what is left of them makes the same jobs as before; and the longer they have waited the longer is their patience, for it is the queue that is long.
 */
const IS_REPEAT = Prisma.sql`(state = 'pending' AND queued_at >= next_attempt_at)`;
/** Its lease ran out and its hint was handed over, and came to nothing: its job may wait for a clock that was wrong, as a retry's may. */
const IS_LEFT_AGAIN = Prisma.sql`(state = 'in_flight' AND queued_at IS NOT NULL)`;
const REPEAT_PATIENCE_MS_MAX = 5 * 60_000;

function takeWaiting(
  db: Context["db"],
  { limit, lostAgeMs, passing = [], isDueOnly = passing.length > 0 }: RelayOptions,
): Promise<RelayedRow[]> {
  const lookAheadMs = lostAgeMs === null ? 0 : HINT_HORIZON_MS + HINT_PATIENCE_MS;
  return db.$queryRaw<RelayedRow[]>`
    WITH due AS MATERIALIZED (
      SELECT id, CASE WHEN ${lostAgeMs === null} AND ${IS_REPEAT} THEN queued_at END AS handed_over_at, ${IS_LEFT_AGAIN} AS is_left_again
      FROM deliveries
      WHERE relay_at <= now() + ${lookAheadMs} * interval '1 millisecond'
        AND (relay_at <= now() OR (state = 'pending' AND queued_at <= now() - ${lostAgeMs}::float8 * interval '1 millisecond'))
        AND organization_id <> ALL (${[...passing]}::uuid[])
      ORDER BY relay_at, event_id
      LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ),
    backlog AS MATERIALIZED (
      SELECT id, NULL::timestamptz AS handed_over_at, false AS is_left_again FROM deliveries
      WHERE relay_at > ${BACKLOG_START}
      ORDER BY relay_at
      LIMIT CASE WHEN ${isDueOnly} THEN 0 ELSE ${limit} - (SELECT count(*) FROM due) END
      FOR UPDATE SKIP LOCKED
    ),
    taken AS MATERIALIZED (SELECT * FROM due UNION ALL SELECT * FROM backlog)
    UPDATE deliveries SET
      queued_at = coalesce(handed_over_at, now()),
      relay_at = greatest(now(), next_attempt_at) + greatest(
        ${HINT_PATIENCE_MS} * interval '1 millisecond',
        -- least() passes over NULL: of what is no repeat it would be the most.
        CASE WHEN handed_over_at IS NOT NULL
          THEN least(now() - handed_over_at, ${REPEAT_PATIENCE_MS_MAX} * interval '1 millisecond') END
      )
    FROM taken
    WHERE deliveries.id = taken.id AND deliveries.id = ANY (ARRAY (SELECT id FROM taken)) AND relay_at IS NOT NULL
    RETURNING deliveries.id, handed_over_at::text AS hint_set, organization_id, event_id, webhook_id, series, attempts_in_series,
      greatest(0, ceil(extract(epoch FROM next_attempt_at - now()) * 1000))::int AS delay_ms, state = 'in_flight' AS is_taken_over,
      ${IS_SUSPECT} AS is_suspect,
      is_left_again OR (state = 'pending' AND attempts_in_series > 0 AND next_attempt_at <= now()) AS is_overdue`;
}

import { Prisma, type Transaction } from "@homing/db/client";
import { HINT_PATIENCE_MS } from "../deliveries/hint.js";
import { webhookOf } from "../webhooks/look-up.js";
import { LINED_BY } from "./line.js";

/** Of a webhook that is disabled or archived: they are held or cancelled where they stand. */
const SHELVED_AT_ONCE = 1_000;
/** The pauses between rounds at a line that does not move double up to here. */
const PAUSE_MS = { first: 1_000, max: 30_000 };
/** The pauses between the probes of an open circuit double up to here. */
export const PROBE_PAUSE_MS = { first: 2_000, max: 60_000 };

/** Columns round to a millisecond, maybe up. */
const DUE_NOW = Prisma.sql`now() + interval '1 millisecond'`;

/** A line that this transaction holds. */
export interface LockedLine {
  webhook_id: string;
}

/** What was taken from a line, and whether it had nothing more. */
export interface PulledLine {
  webhook_id: string;
  organization_id: string;
  is_empty: boolean;
  taken: { id: string; series: number; attempts_in_series: number }[];
}

/** What a pull asks for. */
interface Asked {
  /** Of each line. */
  wanted: number[];
  isRound: boolean;
  /** It only starts a line that stands still: while what was pulled last waits for a worker, nothing is taken. */
  isStart: boolean;
}

/**
 * The one statement of a pull: how much each webhook allows as it is now, the heads of the lines, and when somebody has to look next.
 * @returns one for each line
 */
export async function takeHeads(
  transaction: Transaction,
  locked: readonly LockedLine[],
  asked: Asked,
): Promise<PulledLine[]> {
  if (locked.length === 0) return [];
  const ids = locked.map(({ webhook_id }) => webhook_id);
  return transaction.$queryRaw<PulledLine[]>`/* prepared take_heads */
    WITH ${lines(ids, asked)},
    ${ALLOWED},
    ${SHELVED},
    head AS MATERIALIZED (
      SELECT allowed.webhook_id, first.id, first.next_attempt_at
      FROM allowed
      CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM deliveries
        WHERE deliveries.webhook_id = allowed.webhook_id AND parked_at IS NOT NULL
          AND (allowed.ordering = 'event' OR next_attempt_at <= ${DUE_NOW})
        ORDER BY deliveries.number
        LIMIT allowed.deliveries
        FOR UPDATE
      ) first
    ),
    taken AS (
      UPDATE deliveries SET
        parked_at = NULL, queued_at = now(), relay_at = now() + ${HINT_PATIENCE_MS} * interval '1 millisecond'
      WHERE id = ANY (ARRAY (SELECT id FROM head WHERE next_attempt_at <= ${DUE_NOW})) AND parked_at IS NOT NULL
      RETURNING id, webhook_id, number, series, attempts_in_series
    ),
    moved AS MATERIALIZED (
      SELECT allowed.*, count(taken.id)::int AS taken_count,
             coalesce(json_agg(taken ORDER BY taken.number) FILTER (WHERE taken.id IS NOT NULL), '[]') AS taken,
             (array_agg(taken.id ORDER BY taken.number DESC))[1] AS last_id,
             (SELECT min(head.next_attempt_at) FROM head WHERE head.webhook_id = allowed.webhook_id) AS head_due_at,
             (allowed.deliveries > 0 OR NOT is_enabled) AND NOT EXISTS (SELECT FROM head WHERE head.webhook_id = allowed.webhook_id) AND NOT EXISTS (
               SELECT FROM deliveries WHERE deliveries.webhook_id = allowed.webhook_id AND parked_at IS NOT NULL
             ) AS is_empty
      FROM allowed LEFT JOIN taken USING (webhook_id)
      GROUP BY ${ALLOWED_COLUMNS}
    ),
    probed AS (
      UPDATE webhooks SET circuit = 'half_open', circuit_changed_at = now()
      FROM moved WHERE webhooks.id = moved.webhook_id AND moved.circuit = 'open' AND moved.taken_count > 0
    ),
    removed AS (
      DELETE FROM webhook_lines USING moved
      WHERE webhook_lines.webhook_id = moved.webhook_id AND ${IS_DONE_WITH}
    ),
    ${PAUSED}
    SELECT webhook_id, organization_id, is_empty, taken FROM moved`;
}

/** What each line's webhook allows, as it is now. */
function lines(ids: string[], { wanted, isRound, isStart }: Asked): Prisma.Sql {
  return Prisma.sql`
    line AS MATERIALIZED (
      SELECT webhook_id, webhooks.organization_id, wanted, ${isRound}::bool AS is_round, circuit, ordering,
             webhooks.state = 'enabled' AS is_enabled, webhooks.state = 'archived' AS is_archived,
             pull_at <= now() AS is_due, pause_ms, rate_limit_count,
             rate_limit_period_seconds * interval '1 second' AS period,
             window_started_at > now() - rate_limit_period_seconds * interval '1 second' AS is_in_window, window_started_at, window_used,
             (ordering = 'event' OR circuit <> 'closed') AND coalesce(is_waiting OR last.state = 'in_flight', false) AS is_taken,
             ${isStart}::bool AND coalesce(is_waiting, false) AS is_started,
             ordering = 'event' AND EXISTS (
               SELECT FROM deliveries WHERE deliveries.webhook_id = webhooks.id AND deliveries.state = 'held'
             ) AS is_held
      FROM webhook_lines
      JOIN unnest(${ids}::uuid[], ${wanted}::int[]) AS asked (webhook_id, wanted) USING (webhook_id)
      ${webhookOf(
        Prisma.sql`webhook_lines.webhook_id`,
        Prisma.sql`id, organization_id, state, rate_limit_period_seconds, ${LINED_BY}`,
      )}
      -- What was taken last: it waits for a worker, or is with one. A retry of it that is not yet due concerns the order alone.
      LEFT JOIN LATERAL (
        SELECT state, state = 'pending' AND parked_at IS NULL AND (ordering = 'event' OR next_attempt_at <= ${DUE_NOW}) AS is_waiting
        FROM deliveries WHERE deliveries.id = taken_id
      ) last ON true
      WHERE webhook_id = ANY (${ids}::uuid[])
    )`;
}

/** One at a time in order, one at a time as a probe, and no more than the rate has left. */
const ALLOWED = Prisma.sql`
    allowed AS MATERIALIZED (
      SELECT webhook_id, organization_id, is_round, circuit, ordering, is_enabled, is_due, is_taken, pause_ms, period, rate_limit_count,
             CASE WHEN is_in_window THEN window_started_at ELSE now() END AS window_started_at,
             CASE WHEN is_in_window THEN window_used ELSE 0 END AS window_used,
             greatest(0, least(
               CASE
                 WHEN NOT is_enabled OR is_taken OR is_started OR is_held THEN 0
                 WHEN circuit <> 'closed' THEN is_due::int
                 WHEN ordering = 'event' THEN 1
                 ELSE wanted
               END,
               rate_limit_count - CASE WHEN is_in_window THEN window_used ELSE 0 END
             )) AS deliveries
      FROM line
    )`;

/** What stands in the line of a webhook that is not to be sent to leaves it, without a hint. */
const SHELVED = Prisma.sql`
    shelf AS MATERIALIZED (
      SELECT first.id, CASE WHEN is_archived THEN 'cancelled' ELSE 'held' END AS goes
      FROM line
      CROSS JOIN LATERAL (
        SELECT id FROM deliveries
        WHERE deliveries.webhook_id = line.webhook_id AND parked_at IS NOT NULL
        ORDER BY deliveries.number
        LIMIT ${SHELVED_AT_ONCE}
        FOR UPDATE
      ) first
      WHERE NOT is_enabled
    ),
    shelved AS (
      UPDATE deliveries SET state = goes::delivery_state, parked_at = NULL, next_attempt_at = NULL, updated_at = now()
      FROM shelf
      WHERE deliveries.id = shelf.id AND deliveries.id = ANY (ARRAY (SELECT id FROM shelf)) AND parked_at IS NOT NULL
    )`;

const ALLOWED_COLUMNS = Prisma.sql`
  webhook_id, organization_id, is_round, circuit, ordering, is_enabled, is_due, is_taken, pause_ms, period, rate_limit_count, window_started_at,
  window_used, deliveries`;

/** An empty line that has nothing to remember either. */
const IS_DONE_WITH = Prisma.sql`(moved.is_empty AND (moved.circuit = 'closed' OR NOT moved.is_enabled) AND NOT moved.is_taken AND moved.window_used = 0)`;

/** When the next round looks at a line. */
const PAUSED = Prisma.sql`
    paused AS (
      UPDATE webhook_lines SET
        taken_id = coalesce(moved.last_id, taken_id),
        window_started_at = CASE WHEN moved.rate_limit_count IS NULL THEN NULL ELSE moved.window_started_at END,
        window_used = CASE WHEN moved.rate_limit_count IS NULL THEN 0 ELSE moved.window_used + moved.taken_count END,
        pause_ms = next.pause_ms,
        pull_at = CASE
          WHEN NOT moved.is_enabled AND NOT moved.is_empty THEN now()
          WHEN moved.circuit <> 'closed' AND moved.is_taken THEN now() + ${PAUSE_MS.first} * interval '1 millisecond'
          WHEN moved.circuit <> 'closed' AND NOT moved.is_due THEN webhook_lines.pull_at
          WHEN moved.circuit <> 'closed' THEN now() + next.pause_ms * interval '1 millisecond'
          WHEN moved.window_used + moved.taken_count >= moved.rate_limit_count THEN moved.window_started_at + period
          WHEN moved.head_due_at > now() THEN moved.head_due_at
          ELSE now() + next.pause_ms * interval '1 millisecond'
        END
      FROM moved
      CROSS JOIN LATERAL (
        SELECT CASE
          WHEN moved.circuit <> 'closed' AND (moved.is_taken OR NOT moved.is_due) THEN moved.pause_ms
          WHEN moved.circuit <> 'closed' THEN least(greatest(2 * moved.pause_ms, ${PROBE_PAUSE_MS.first}), ${PROBE_PAUSE_MS.max})
          WHEN moved.is_round AND (moved.is_empty OR (moved.ordering = 'none' AND moved.rate_limit_count IS NULL))
            THEN least(greatest(2 * moved.pause_ms, ${PAUSE_MS.first}), ${PAUSE_MS.max})
          ELSE ${PAUSE_MS.first}
        END AS pause_ms
      ) next
      WHERE webhook_lines.webhook_id = moved.webhook_id AND NOT ${IS_DONE_WITH}
    )`;

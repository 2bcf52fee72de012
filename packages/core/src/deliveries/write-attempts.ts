import { Prisma } from "@homing/db/client";
import { oneWeekOf } from "@homing/db/one-week";
import type { Context } from "../context.js";
import { openLines } from "../lanes/line.js";
import { exhaustedNotices } from "../notices/exhausted.js";
import { webhookHealth } from "../webhooks/health.js";
import { isOwnType } from "../webhooks/match.js";
import { type AttemptRow, toAttemptRow } from "./attempt-row.js";
import { HINT_HORIZON_MS, HINT_PATIENCE_MS } from "./hint.js";
import type { SettledAttempt } from "./record.js";

/** An attempt that is written now, and whether its delivery moved with it. */
export interface WrittenRow {
  delivery_id: string;
  series: number;
  number: number;
  is_settled: boolean;
}

/**
 * The one statement of a record: the attempts, the move of each delivery that still is in flight with its attempt, the count of
 * all that were made, what it means for the webhooks, and the notices of all this.
 * @returns one row for each attempt written; one that was written before, by a try whose answer got lost, is passed over
 */
export function writeAttempts(db: Context["db"], rows: readonly SettledAttempt[]): Promise<WrittenRow[]> {
  const week = oneWeekOf(rows.map(({ claim }) => claim.deliveryId));
  const isAsked = week.isAmong(Prisma.sql`deliveries.id`);
  const webhookIds = [...new Set(rows.map(({ claim }) => claim.webhookId))];
  return db.$queryRaw<WrittenRow[]>`/* prepared record${week.suffix} */
    WITH ${attemptInput(rows)},
    kept AS (
      INSERT INTO attempts (id, delivery_id, series, number, trigger, outcome, response_status, response_headers, response_body,
                            request_headers, duration_ms, error, signature)
      SELECT id, delivery_id, series, number, trigger::attempt_trigger, outcome::attempt_outcome, status, headers::jsonb, body,
             request_headers::jsonb, duration_ms, error, decode(signature, 'base64')
      FROM input
      ON CONFLICT DO NOTHING
      RETURNING delivery_id, series, number
    ),
    counted AS (
      SELECT delivery_id, count(*)::int AS attempts FROM kept GROUP BY delivery_id
    ),
    current AS MATERIALIZED (
      SELECT deliveries.id FROM deliveries
      JOIN input ON input.delivery_id = deliveries.id
      WHERE ${isAsked}
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    settled AS (
      UPDATE deliveries SET
        state = input.state::delivery_state,
        attempts_total = attempts_total + counted.attempts,
        next_attempt_at = now() + delay,
        queued_at = CASE WHEN is_soon AND NOT is_ordered THEN now() END,
        relay_at = CASE WHEN NOT is_ordered THEN now() + delay + CASE WHEN is_soon THEN ${HINT_PATIENCE_MS} ELSE 0 END * interval '1 millisecond' END,
        parked_at = CASE WHEN is_ordered AND delay IS NOT NULL THEN now() END,
        lease_until = NULL,
        faults = NULL,
        last_response_status = input.status,
        last_error = input.last_error,
        delivered_at = CASE input.state WHEN 'succeeded' THEN now() ELSE delivered_at END,
        updated_at = now()
      FROM input, current, counted
      WHERE deliveries.id = input.delivery_id AND deliveries.id = current.id AND deliveries.id = counted.delivery_id
        AND ${isAsked}
        AND deliveries.state = 'in_flight' AND deliveries.series = input.series AND attempts_in_series = input.number
      RETURNING deliveries.id AS delivery_id, input.series, input.number, deliveries.organization_id, webhook_id, deliveries.state,
                attempts_total, last_response_status, deliveries.last_error, event_name, event_type, outcome, duration_ms, is_gone, is_own, parked_at
    ),
    lined AS (${openLines(Prisma.sql`(SELECT webhook_id FROM settled WHERE parked_at IS NOT NULL)`)}),
    late AS (
      UPDATE deliveries SET attempts_total = attempts_total + counted.attempts, faults = NULL
      FROM counted
      WHERE deliveries.id = counted.delivery_id AND ${isAsked}
        AND NOT EXISTS (SELECT FROM settled WHERE settled.delivery_id = counted.delivery_id)
    ),
    ${webhookHealth(webhookIds)},
    ${exhaustedNotices()}
    SELECT delivery_id, series, number, settled.delivery_id IS NOT NULL AS is_settled
    FROM kept LEFT JOIN settled USING (delivery_id, series, number)`;
}

function attemptInput(attempts: readonly SettledAttempt[]): Prisma.Sql {
  const rows = attempts.map((attempt) => ({ ...attempt, row: toAttemptRow(attempt) }));
  const column = <Value>(read: (attempt: SettledAttempt & { row: AttemptRow }) => Value): Value[] => rows.map(read);
  return Prisma.sql`
    input AS MATERIALIZED (
      SELECT *, delay_ms * interval '1 millisecond' AS delay, delay_ms <= ${HINT_HORIZON_MS} AS is_soon
      FROM unnest(
        ${column(({ row }) => row.id)}::uuid[],
        ${column(({ claim }) => claim.deliveryId)}::uuid[],
        ${column(({ claim }) => claim.series)}::int[],
        ${column(({ claim }) => claim.number)}::int[],
        ${column(({ claim }) => claim.trigger)}::text[],
        ${column(({ result }) => result.outcome)}::text[],
        ${column(({ result }) => result.status ?? null)}::int[],
        ${column(({ row }) => row.responseHeaders)}::text[],
        ${column(({ row }) => row.responseBody)}::text[],
        ${column(({ row }) => row.requestHeaders)}::text[],
        ${column(({ row }) => row.durationMs)}::int[],
        ${column(({ result }) => (result.outcome === "responded" ? null : result.error))}::text[],
        ${column(({ row }) => row.signature)}::text[],
        ${column(({ settlement }) => settlement.state)}::text[],
        ${column(({ settlement }) => (settlement.state === "pending" ? settlement.delayMs : null))}::bigint[],
        ${column(({ settlement }) => (settlement.state === "succeeded" ? null : settlement.error))}::text[],
        ${column(({ settlement }) => settlement.state === "failed" && settlement.isGone)}::bool[],
        ${column(({ claim }) => claim.isOrdered)}::bool[],
        ${column(({ claim, settlement }) => (settlement.state === "failed" ? claim.eventName : null))}::text[],
        ${column(({ claim }) => claim.eventType)}::text[],
        ${column(({ claim }) => isOwnType(claim.eventType))}::bool[]
      ) AS t (id, delivery_id, series, number, trigger, outcome, status, headers, body, request_headers, duration_ms, error,
              signature, state, delay_ms, last_error, is_gone, is_ordered, event_name, event_type, is_own)
    )`;
}

import { Prisma } from "@homing/db/client";
import { oneWeekOf } from "@homing/db/one-week";
import type { Context } from "../context.js";
import { SLOW_MS } from "../lanes/endpoint.js";
import { isSuccess } from "../outcome.js";
import { webhookOf } from "../webhooks/look-up.js";
import { type AttemptRow, toAttemptRow } from "./attempt-row.js";
import { attemptName, type MadeAttempt, type RecordOutcome } from "./record.js";
import type { WrittenRow } from "./write-attempts.js";

/** Whether an attempt may be plain: its delivery ends with it, and nobody needs to be told. */
export function mayBePlain({ result }: MadeAttempt): boolean {
  return isSuccess(result);
}

/**
 * Records what most attempts come to: a success (`mayBePlain`) that came in time and that changes nothing for its webhook, which is well
 * and as quick as it was (decision 20).
 * @returns one outcome for each attempt, in order; null: nothing of it was written, and `recordAttempts` is for it
 */
export async function recordPlain(
  { db }: Pick<Context, "db">,
  attempts: readonly MadeAttempt[],
): Promise<(RecordOutcome | null)[]> {
  const written = new Set((await writeSuccesses(db, attempts)).map(attemptName));
  return attempts.map(({ claim: { deliveryId, series, number } }) =>
    written.has(attemptName({ delivery_id: deliveryId, series, number })) ? SUCCEEDED : null,
  );
}

const SUCCEEDED = { outcome: "settled", settlement: { state: "succeeded" } } as const;

type SuccessRow = Pick<WrittenRow, "delivery_id" | "series" | "number">;

/**
 * It locks deliveries before it writes attempts, the general statement the other way round: one attempt recorded by both, when the answer
 * of the first got lost, may meet itself; the one that Postgres then ends is tried again.
 * @returns the attempts that were written, with which their deliveries have succeeded
 */
function writeSuccesses(db: Context["db"], attempts: readonly MadeAttempt[]): Promise<SuccessRow[]> {
  const week = oneWeekOf(attempts.map(({ claim }) => claim.deliveryId));
  const isAsked = week.isAmong(Prisma.sql`deliveries.id`);
  return db.$queryRaw<SuccessRow[]>`/* prepared record_plain${week.suffix} */
    WITH ${successInput(attempts)},
    current AS MATERIALIZED (
      SELECT input.*
      FROM deliveries
      JOIN input ON input.delivery_id = deliveries.id
      ${webhookOf(Prisma.sql`deliveries.webhook_id`, Prisma.sql`failing_since, is_proven`)}
      WHERE ${isAsked}
        AND deliveries.state = 'in_flight' AND deliveries.series = input.series AND attempts_in_series = input.number
        AND failing_since IS NULL AND is_proven = (duration_ms <= ${SLOW_MS})
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    kept AS (
      INSERT INTO attempts (id, delivery_id, series, number, trigger, outcome, response_status, response_headers, response_body,
                            request_headers, duration_ms, signature)
      SELECT id, delivery_id, series, number, trigger::attempt_trigger, 'responded', status, headers::jsonb, body,
             request_headers::jsonb, duration_ms, decode(signature, 'base64')
      FROM current
      ON CONFLICT DO NOTHING
      RETURNING delivery_id, response_status
    )
    UPDATE deliveries SET
      state = 'succeeded',
      attempts_total = attempts_total + 1,
      lease_until = NULL,
      relay_at = NULL,
      faults = NULL,
      last_response_status = response_status,
      last_error = NULL,
      delivered_at = now(),
      updated_at = now()
    FROM kept
    WHERE deliveries.id = kept.delivery_id AND ${isAsked}
    RETURNING deliveries.id AS delivery_id, series, attempts_in_series AS number`;
}

function successInput(attempts: readonly MadeAttempt[]): Prisma.Sql {
  const rows = attempts.map((attempt) => ({ ...attempt, row: toAttemptRow(attempt) }));
  const column = <Value>(read: (attempt: MadeAttempt & { row: AttemptRow }) => Value): Value[] => rows.map(read);
  return Prisma.sql`
    input AS MATERIALIZED (
      SELECT * FROM unnest(
        ${column(({ row }) => row.id)}::uuid[],
        ${column(({ claim }) => claim.deliveryId)}::uuid[],
        ${column(({ claim }) => claim.series)}::int[],
        ${column(({ claim }) => claim.number)}::int[],
        ${column(({ claim }) => claim.trigger)}::text[],
        ${column(({ result }) => result.status ?? null)}::int[],
        ${column(({ row }) => row.responseHeaders)}::text[],
        ${column(({ row }) => row.responseBody)}::text[],
        ${column(({ row }) => row.requestHeaders)}::text[],
        ${column(({ row }) => row.durationMs)}::int[],
        ${column(({ row }) => row.signature)}::text[]
      ) AS t (id, delivery_id, series, number, trigger, status, headers, body, request_headers, duration_ms, signature)
    )`;
}

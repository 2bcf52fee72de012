import { Prisma, type Transaction } from "@homing/db/client";
import { auditInsert } from "../audit-log/record.js";
import type { Context, Hint } from "../context.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";
import { lockedQuota } from "../organizations/quota.js";
import { HINT_PATIENCE_MS } from "./hint.js";
import { SHOWN_STATE_SQL } from "./delivery.js";
import type { RetryOutcome, RetryRequest } from "./retry.js";

export interface RetryRow {
  /** The index of its request. */
  request: number;
  id: string;
  organization_id: string;
  /** null: it was not found. */
  webhook_id: string | null;
  outcome: RetryOutcome;
  /** That it is in now; null: it was not found. */
  series: number | null;
}

/** One moment by both clocks. */
export interface Moment {
  /** By `performance.now()`. */
  nowMs: number;
  /** The database's, as text: a Date would lose its microseconds. */
  at: string;
}

/**
 * Reads the database's clock beside our own, inside the transaction that needs it: so neither the wait for a connection nor that for a
 * lock, nor the sending of a large statement comes between the two, which would make a request seem to have come in after an attempt
 * that answers it.
 */
export async function readMoment(transaction: Transaction): Promise<Moment> {
  const nowMs = performance.now();
  const [row] = await transaction.$queryRaw<{ at: string }[]>`SELECT clock_timestamp()::text AS at`;
  if (row === undefined) throw new Error("the database told no time");
  return { nowMs, at: row.at };
}

/** The one statement of a retry: one row for each delivery of each request, in order. */
export function openSeries(db: Context["db"], requests: readonly RetryRequest[]): Promise<RetryRow[]> {
  return db.$transaction(
    async (transaction) => openSeriesIn(transaction, requests, await readMoment(transaction)),
    TRANSACTION_WAITS,
  );
}

/** `openSeries` inside a transaction. */
export function openSeriesIn(db: Transaction, requests: readonly RetryRequest[], moment: Moment): Promise<RetryRow[]> {
  const ids = requests.flatMap(({ deliveryIds }) => deliveryIds);
  return db.$queryRaw<RetryRow[]>`
    WITH ${asked(requests, moment)},
    target AS MATERIALIZED (
      SELECT deliveries.id, deliveries.organization_id, deliveries.state, attempts_in_series, series,
             deliveries.updated_at, webhook_id, webhooks.state AS webhook_state
      FROM deliveries
      JOIN webhooks ON webhooks.id = deliveries.webhook_id
      -- Retention may have taken the event of a finished delivery: then there is nothing left to send.
      JOIN events ON events.id = deliveries.event_id
      WHERE deliveries.id = ANY (${ids}::uuid[])
        AND EXISTS (SELECT FROM asked WHERE asked.id = deliveries.id AND asked.organization_id = deliveries.organization_id)
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    ${lockedQuota(requests.map(({ organizationId }) => organizationId))},
    verdict AS MATERIALIZED (
      SELECT asked.ordinal, asked.request, asked.id, asked.organization_id, series, state, webhook_id, ${OUTCOME} AS outcome
      FROM asked LEFT JOIN target USING (id, organization_id) LEFT JOIN quota USING (organization_id)
    ),
    blocked AS (
      SELECT DISTINCT request FROM verdict
      WHERE outcome IN ('not_found', 'webhook_disabled', 'webhook_archived', 'quota_exhausted')
    ),
    wanted AS (
      SELECT DISTINCT ON (id) id, organization_id, ordinal, request, state AS old_state FROM verdict
      WHERE outcome = 'opened' AND request NOT IN (SELECT request FROM blocked)
      ORDER BY id, ordinal
    ),
    charged AS (
      UPDATE organizations SET quota_month = this_month, quota_used = used + skipped.deliveries
      FROM quota JOIN (
        SELECT wanted.organization_id, count(*)::int AS deliveries FROM wanted JOIN target USING (id)
        WHERE target.state = 'skipped' GROUP BY wanted.organization_id
      ) skipped USING (organization_id)
      WHERE organizations.id = quota.organization_id
    ),
    opened AS (
      UPDATE deliveries SET
        state = 'pending',
        series = deliveries.series + 1,
        series_trigger = 'manual',
        attempts_in_series = 0,
        faults = NULL,
        next_attempt_at = now(),
        queued_at = now(),
        parked_at = NULL,
        relay_at = now() + ${HINT_PATIENCE_MS} * interval '1 millisecond',
        updated_at = now()
      FROM wanted
      WHERE deliveries.id = wanted.id AND deliveries.id = ANY (${ids}::uuid[])
        -- The row again, and not what the lock showed of it: under concurrency the two can differ.
        AND state <> 'in_flight' AND NOT (state = 'pending' AND attempts_in_series = 0)
      RETURNING deliveries.id, deliveries.series, wanted.ordinal, deliveries.organization_id, wanted.request, old_state
    ),
    ${AUDITED}
    ${ANSWER}`;
}

/** What came of each, and in which series it is now: one that was opened is in its next one, also when another request opened it. */
const ANSWER = Prisma.sql`
    SELECT verdict.request::int, verdict.id, verdict.organization_id, webhook_id,
           CASE
             WHEN outcome <> 'opened' OR opened.ordinal = verdict.ordinal THEN outcome
             WHEN verdict.request IN (SELECT request FROM blocked) THEN 'not_opened'
             ELSE 'queued_already'
           END AS outcome,
           CASE
             WHEN outcome = 'opened' AND verdict.request NOT IN (SELECT request FROM blocked)
               THEN coalesce(opened.series, verdict.series + 1)
             ELSE verdict.series
           END AS series
    FROM verdict LEFT JOIN opened USING (id)
    ORDER BY verdict.ordinal`;

/** What this and those asked for before it would take of the quota: a skipped delivery has not been counted yet. */
const SKIPPED_SO_FAR = Prisma.sql`
  count(*) FILTER (WHERE state = 'skipped' AND 'skipped' = ANY (states) AND is_first)
    OVER (PARTITION BY organization_id ORDER BY asked.ordinal)`;

const OUTCOME = Prisma.sql`
      CASE
        WHEN target.id IS NULL THEN 'not_found'
        WHEN webhook_state <> 'enabled' THEN 'webhook_' || webhook_state::text
        WHEN state = 'in_flight' THEN 'in_flight'
        WHEN state = 'pending' AND attempts_in_series = 0 THEN 'queued_already'
        WHEN state IN ('pending', 'failed', 'succeeded') AND updated_at > received_at THEN 'queued_already'
        WHEN ${SHOWN_STATE_SQL} <> ALL (states) THEN 'ineligible'
        WHEN remaining <= 0 OR (state = 'skipped' AND remaining < ${SKIPPED_SO_FAR}) THEN 'quota_exhausted'
        ELSE 'opened'
      END`;

function asked(requests: readonly RetryRequest[], { nowMs, at }: Moment): Prisma.Sql {
  const rows = requests.flatMap((request, index) => request.deliveryIds.map((id) => ({ ...request, id, index })));
  return Prisma.sql`
    asked AS (
      SELECT request, organization_id, id, string_to_array(states, ' ') AS states,
             ${at}::timestamptz - waited_ms * interval '1 millisecond' AS received_at, ordinal,
             row_number() OVER (PARTITION BY organization_id, id ORDER BY ordinal) = 1 AS is_first
      FROM unnest(
        ${rows.map(({ index }) => index)}::int[],
        ${rows.map(({ organizationId }) => organizationId)}::uuid[],
        ${rows.map(({ id }) => id)}::uuid[],
        ${rows.map(({ states }) => states.join(" "))}::text[],
        ${rows.map(({ receivedAtMs }) => nowMs - receivedAtMs)}::float8[]
      ) WITH ORDINALITY AS t (request, organization_id, id, states, waited_ms, ordinal)
    ),
    ${askers(requests)}`;
}

function askers(requests: readonly RetryRequest[]): Prisma.Sql {
  const actors = requests.map(({ actor }) => actor);
  return Prisma.sql`
    asker AS (
      SELECT actor_type, actor_id, address, request_id, ordinal - 1 AS request
      FROM unnest(
        ${actors.map(({ type }) => type)}::text[],
        ${actors.map(({ id }) => id)}::text[],
        ${actors.map(({ address }) => address)}::text[],
        ${actors.map(({ requestId }) => requestId)}::text[]
      ) WITH ORDINALITY AS t (actor_type, actor_id, address, request_id, ordinal)
    )`;
}

/** One for each delivery, not for each request: the log is asked who touched this delivery, and the request's id holds them together. */
const AUDITED = Prisma.sql`
    audited AS (${auditInsert(
      "delivery.retried",
      Prisma.sql`
          SELECT opened.organization_id, opened.id::text AS target_id, actor_type, actor_id, address, request_id,
                 jsonb_build_object('state', old_state, 'series', opened.series - 1) AS before,
                 jsonb_build_object('state', 'pending', 'series', opened.series) AS after
          FROM opened
          JOIN asker ON asker.request = opened.request`,
    )}
    )`;

/** The hint for what a request opened, if it did. */
export function openedHint(row: RetryRow): Hint[] {
  const { id, organization_id: organizationId, webhook_id: webhookId, outcome, series } = row;
  return outcome !== "opened" || series === null || webhookId === null
    ? []
    : [{ deliveryId: id, organizationId, webhookId, series, number: 1, delayMs: 0 }];
}

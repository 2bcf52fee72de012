import type { Transaction } from "@homing/db/client";
import type { Context, Hint } from "../context.js";
import type { DeliveryState } from "./delivery.js";
import { HINT_PATIENCE_MS, handOver } from "./hint.js";

export interface RetryRequest {
  organizationId: string;
  deliveryId: string;
  /** When the request came in, by `performance.now()`: an attempt recorded since then already answers it. */
  receivedAtMs: number;
}

export type RetryOutcome =
  /** An attempt is due now: this request opened a new series, or a retry asked for at the same time did. */
  | { outcome: "queued" }
  | { outcome: "in_flight" }
  | { outcome: "not_found" }
  | { outcome: "webhook_inactive"; webhookState: "disabled" | "archived" };

interface RetryRow {
  place: number;
  id: string;
  webhook_state: "enabled" | "disabled" | "archived";
  state: DeliveryState;
  series: number | null;
}

/**
 * Requeues the same delivery records: one conditional UPDATE opens a new series on each that is not queued already, so of
 * retries that race one wins and the others find it queued. Whatever its state but `in_flight`, a delivery may be retried;
 * a scheduled retry is pulled forward.
 * @returns one outcome for each request, in order
 */
export async function retryDeliveries(
  context: Pick<Context, "db" | "enqueue" | "log">,
  requests: readonly RetryRequest[],
): Promise<RetryOutcome[]> {
  const rows = await openSeries(context.db, requests);
  void handOver(context, rows.flatMap(firstHint));
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return requests.map((_, index) => toOutcome(byPlace.get(index + 1)));
}

function firstHint({ id, series }: RetryRow): Hint[] {
  return series === null ? [] : [{ deliveryId: id, series, number: 1, delayMs: 0 }];
}

function toOutcome(row: RetryRow | undefined): RetryOutcome {
  if (row === undefined) return { outcome: "not_found" };
  if (row.webhook_state !== "enabled") return { outcome: "webhook_inactive", webhookState: row.webhook_state };
  return { outcome: row.state === "in_flight" ? "in_flight" : "queued" };
}

// The wait for a connection is the pool's to limit.
const TRANSACTION_WAITS = { maxWait: 10_000, timeout: 15_000 };

/**
 * One row for each request whose delivery exists, with the state it was found in; `series` is that of a newly opened one, on the
 * first request for it.
 */
function openSeries(db: Context["db"], requests: readonly RetryRequest[]): Promise<RetryRow[]> {
  // The wait is measured once the transaction has begun, so that it counts the time for which there was no connection, and is
  // taken from its statement's start, which no lock delays: else a request would seem to have come in after an attempt that
  // answers it. From the transaction's start it would seem to have come in before, where this process is slow to go on.
  return db.$transaction((transaction) => openSeriesIn(transaction, requests, performance.now()), TRANSACTION_WAITS);
}

function openSeriesIn(db: Transaction, requests: readonly RetryRequest[], nowMs: number): Promise<RetryRow[]> {
  const ids = requests.map(({ deliveryId }) => deliveryId);
  return db.$queryRaw<RetryRow[]>`
    WITH asked AS (
      SELECT * FROM unnest(
        ${requests.map(({ organizationId }) => organizationId)}::uuid[],
        ${ids}::uuid[],
        ${requests.map(({ receivedAtMs }) => nowMs - receivedAtMs)}::float8[]
      ) WITH ORDINALITY AS t (organization_id, id, waited_ms, place)
    ),
    target AS MATERIALIZED (
      SELECT deliveries.id, deliveries.organization_id, deliveries.state, attempts_in_series, deliveries.updated_at, webhooks.state AS webhook_state
      FROM deliveries
      JOIN webhooks ON webhooks.id = deliveries.webhook_id
      -- Retention may have taken the event of a finished delivery: then there is nothing left to send.
      JOIN events ON events.id = deliveries.event_id
      WHERE deliveries.id = ANY (${ids}::uuid[])
        AND EXISTS (SELECT FROM asked WHERE asked.id = deliveries.id AND asked.organization_id = deliveries.organization_id)
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    wanted AS (
      SELECT DISTINCT target.id FROM target JOIN asked USING (id, organization_id)
      WHERE webhook_state = 'enabled' AND state <> 'in_flight' AND NOT (state = 'pending' AND attempts_in_series = 0)
        AND (
          state NOT IN ('pending', 'failed', 'succeeded')
          OR updated_at <= statement_timestamp() - waited_ms * interval '1 millisecond'
        )
    ),
    opened AS (
      UPDATE deliveries SET
        state = 'pending',
        series = series + 1,
        series_trigger = 'manual',
        attempts_in_series = 0,
        next_attempt_at = now(),
        queued_at = now(),
        relay_at = now() + ${HINT_PATIENCE_MS} * interval '1 millisecond',
        updated_at = now()
      FROM wanted
      WHERE deliveries.id = wanted.id AND deliveries.id = ANY (${ids}::uuid[])
        AND deliveries.state <> 'in_flight' AND NOT (deliveries.state = 'pending' AND deliveries.attempts_in_series = 0)
      RETURNING deliveries.id, series
    )
    SELECT place::int, target.id, webhook_state, target.state,
           CASE WHEN row_number() OVER (PARTITION BY target.id ORDER BY place) = 1 THEN opened.series END AS series
    FROM asked JOIN target USING (id, organization_id) LEFT JOIN opened USING (id)`;
}

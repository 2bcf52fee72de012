import type { Context, Hint } from "../context.js";
import { HINT_HORIZON_MS, HINT_PATIENCE_MS, handOver } from "./hint.js";

interface RelayedRow {
  id: string;
  event_id: string;
  webhook_id: string;
  series: number;
  attempts_in_series: number;
  delay_ms: number;
  is_taken_over: boolean;
}

/**
 * Hands over what waits for a worker and has no hint in the queue: retries that came due, leases that ran out, hints that
 * got lost. Any number of relays may run at once: each takes rows that no other holds.
 * @param options.lostAgeMs hints handed over so many milliseconds ago or earlier are known to be gone and are handed over again
 *   without waiting for their patience to run out; null when none are
 * @returns how many were handed over, where `limit` means that there may be more; and whether the queue took them
 */
export async function relayDeliveries(
  context: Pick<Context, "db" | "enqueue" | "log">,
  options: { limit: number; lostAgeMs: number | null },
): Promise<{ handedOver: number; isTaken: boolean }> {
  const rows = await takeWaiting(context.db, options);
  const isTaken = await handOver(
    context,
    rows.toSorted(byEvent).map(({ id, webhook_id, series, attempts_in_series, delay_ms, is_taken_over }): Hint => ({
      deliveryId: id,
      webhookId: webhook_id,
      series,
      number: attempts_in_series + 1,
      delayMs: delay_ms,
      ...(is_taken_over && { isTakenOver: true }),
    })),
  );
  return { handedOver: rows.length, isTaken };
}

/** A UUIDv7 sorts by its time: what was published first is handed over first. */
function byEvent(one: RelayedRow, other: RelayedRow): number {
  if (one.event_id === other.event_id) return 0;
  return one.event_id < other.event_id ? -1 : 1;
}

function takeWaiting(
  db: Context["db"],
  { limit, lostAgeMs }: { limit: number; lostAgeMs: number | null },
): Promise<RelayedRow[]> {
  const lookAheadMs = lostAgeMs === null ? 0 : HINT_HORIZON_MS + HINT_PATIENCE_MS;
  return db.$queryRaw<RelayedRow[]>`
    WITH waiting AS (
      SELECT id FROM deliveries
      WHERE relay_at <= now() + ${lookAheadMs} * interval '1 millisecond'
        AND (relay_at <= now() OR (state = 'pending' AND queued_at <= now() - ${lostAgeMs}::float8 * interval '1 millisecond'))
      ORDER BY relay_at, event_id
      LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    )
    UPDATE deliveries SET
      queued_at = now(),
      relay_at = greatest(now(), next_attempt_at) + ${HINT_PATIENCE_MS} * interval '1 millisecond'
    WHERE id = ANY (ARRAY (SELECT id FROM waiting)) AND relay_at IS NOT NULL
    RETURNING id, event_id, webhook_id, series, attempts_in_series,
      greatest(0, ceil(extract(epoch FROM next_attempt_at - now()) * 1000))::int AS delay_ms, state = 'in_flight' AS is_taken_over`;
}

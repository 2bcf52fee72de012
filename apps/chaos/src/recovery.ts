import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";

const POLL_MS = 100;

/** A delivery that waited for somebody when a fault struck. */
export interface Waiting {
  id: string;
  webhookId: string;
  series: number;
  /** Attempts begun in its series. */
  attempts: number;
  isInFlight: boolean;
}

/** What is in flight, or due and not yet taken. */
export async function findWaiting(pool: Pool): Promise<Waiting[]> {
  const { rows } = await pool.query<Waiting>(`
    SELECT id, webhook_id AS "webhookId", series, attempts_in_series AS attempts, state = 'in_flight' AS "isInFlight"
    FROM deliveries
    WHERE state = 'in_flight' OR (state = 'pending' AND next_attempt_at <= now())`);
  return rows;
}

/**
 * Waits until each of them is through: finished, or an attempt of it recorded since. A database that is away is asked again.
 * @returns when the last one was seen through (`Date.now()`), or null when that did not happen in time
 */
export async function untilThrough(
  pool: Pool,
  waiting: readonly Waiting[],
  { msMax, signal }: { msMax: number; signal: AbortSignal },
): Promise<number | null> {
  const deadline = performance.now() + msMax;
  let left = waiting;
  while (left.length > 0) {
    signal.throwIfAborted();
    left = await findLeft(pool, left).catch(() => left);
    if (left.length === 0) break;
    if (performance.now() > deadline) return null;
    await sleep(POLL_MS);
  }
  return Date.now();
}

async function findLeft(pool: Pool, waiting: readonly Waiting[]): Promise<readonly Waiting[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT deliveries.id
     FROM deliveries
     JOIN unnest($1::uuid[], $2::int[], $3::int[], $4::boolean[]) AS w (id, series, attempts, is_in_flight) USING (id)
     WHERE deliveries.id = ANY ($1::uuid[])
       AND (state = 'in_flight'
         OR (state = 'pending' AND NOT is_in_flight AND deliveries.series = w.series AND attempts_in_series = w.attempts))`,
    [
      waiting.map(({ id }) => id),
      waiting.map(({ series }) => series),
      waiting.map(({ attempts }) => attempts),
      waiting.map(({ isInFlight }) => isInFlight),
    ],
  );
  const ids = new Set(rows.map(({ id }) => id));
  return waiting.filter(({ id }) => ids.has(id));
}

/** A delivery in the line of a webhook that fails and that is probed again within two minutes, or its last probe. Of `deliveries` and `webhooks`. */
export const IS_BEHIND_CIRCUIT = `(
  deliveries.state IN ('pending', 'in_flight') AND webhooks.circuit <> 'closed' AND EXISTS (
    SELECT FROM webhook_lines
    WHERE webhook_lines.webhook_id = webhooks.id AND (deliveries.parked_at IS NOT NULL OR taken_id = deliveries.id)
      AND pull_at BETWEEN now() - interval '10 seconds' AND now() + interval '2 minutes'
  ))`;

/** How many deliveries are not finished, without those that wait for a receiver which never gets well. */
export async function countUnfinished(pool: Pool, neverWellIds: readonly string[]): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
     WHERE deliveries.state IN ('pending', 'in_flight', 'held') AND NOT (webhooks.id = ANY ($1::uuid[]) AND ${IS_BEHIND_CIRCUIT})`,
    [neverWellIds],
  );
  return rows[0]?.count ?? 0;
}

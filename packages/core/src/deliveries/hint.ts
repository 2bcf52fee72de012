import { Prisma } from "@homing/db/client";
import type { Context, Hint, LeftHint } from "../context.js";
import { backlogTime } from "./backlog.js";

/** A hint that was handed over but led to no claim within this time counts as lost, and the relay hands it over again. */
export const HINT_PATIENCE_MS = 15_000;
/** A retry due within this time is handed over at once, as a delayed hint; one that is further off waits in Postgres. */
export const HINT_HORIZON_MS = 60_000;

/**
 * Hands hints to the queue. The deliveries are committed, so this may fail: then the relay is told to look at them at once. What the
 * queue has no room for joins the backlog.
 * Never rejects.
 * @returns whether the queue could be reached
 */
export async function handOver(
  { db, enqueue, log }: Pick<Context, "db" | "enqueue" | "log">,
  hints: Hint[],
): Promise<boolean> {
  if (hints.length === 0) return true;
  let isReached = true;
  let left: LeftHint[];
  try {
    left = await enqueue(hints);
  } catch (error) {
    log.warn({ err: error, hints: hints.length }, "hints.not_handed_over");
    isReached = false;
    left = hints.map((hint) => ({ ...hint, priority: 0 }));
  }
  await leaveToRelay(db, left).catch((failure: unknown) => {
    log.warn({ err: failure, hints: left.length }, "hints.left_to_their_patience");
  });
  return isReached;
}

async function leaveToRelay(db: Context["db"], hints: readonly LeftHint[]): Promise<void> {
  if (hints.length === 0) return;
  const sorted = hints.toSorted((one, other) => (one.deliveryId < other.deliveryId ? -1 : 1));
  const ids = sorted.map(({ deliveryId }) => deliveryId);
  const priorities = sorted.map(({ priority }) => priority);
  await db.$executeRaw`
    WITH waiting AS MATERIALIZED (
      SELECT id FROM deliveries
      WHERE id = ANY (${ids}::uuid[]) AND state = 'pending' AND parked_at IS NULL
      ORDER BY id FOR UPDATE
    )
    UPDATE deliveries SET
      queued_at = NULL,
      relay_at = CASE
        WHEN priority > 0 AND next_attempt_at <= now() THEN ${backlogTime(Prisma.sql`priority`)}
        ELSE next_attempt_at
      END
    FROM unnest(${ids}::uuid[], ${priorities}::int[]) AS left_over (id, priority)
    WHERE deliveries.id = left_over.id AND deliveries.id IN (SELECT id FROM waiting) AND deliveries.id = ANY (${ids}::uuid[])
      AND state = 'pending' AND parked_at IS NULL`;
}

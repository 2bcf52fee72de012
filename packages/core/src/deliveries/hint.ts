import type { Context, Hint } from "../context.js";

/** A hint that was handed over but led to no claim within this time counts as lost, and the relay hands it over again. */
export const HINT_PATIENCE_MS = 15_000;
/** A retry due within this time is handed over at once, as a delayed hint; one that is further off waits in Postgres. */
export const HINT_HORIZON_MS = 60_000;

/**
 * Hands hints to the queue. The deliveries are committed, so this may fail: then the relay is told to look at them at once.
 * Never rejects.
 * @returns whether the queue took them
 */
export async function handOver(
  { db, enqueue, log }: Pick<Context, "db" | "enqueue" | "log">,
  hints: Hint[],
): Promise<boolean> {
  if (hints.length === 0) return true;
  try {
    await enqueue(hints);
    return true;
  } catch (error) {
    log.warn({ err: error, hints: hints.length }, "hints.not_handed_over");
    await forgetHandOver(db, hints).catch((failure: unknown) => {
      log.warn({ err: failure }, "hints.left_to_their_patience");
    });
    return false;
  }
}

async function forgetHandOver(db: Context["db"], hints: Hint[]): Promise<void> {
  const ids = hints.map(({ deliveryId }) => deliveryId).toSorted();
  await db.$executeRaw`
    WITH waiting AS (
      SELECT id FROM deliveries WHERE id = ANY (${ids}::uuid[]) AND state = 'pending' ORDER BY id FOR UPDATE
    )
    UPDATE deliveries SET queued_at = NULL, relay_at = next_attempt_at
    WHERE id IN (SELECT id FROM waiting) AND id = ANY (${ids}::uuid[])`;
}

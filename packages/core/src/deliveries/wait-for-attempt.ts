import { setTimeout as wait } from "node:timers/promises";
import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";

/** The pauses between looks double, so that who waits for a slow receiver costs the database little. */
const PAUSE_MS = { first: 10, max: 250 };
/** Beyond the webhook's own deadline. */
const MARGIN_MS = 2_000;

/**
 * Waits until the first attempt of a delivery's newest series has come to an end, made again if a stop of ours cut it off: at most the webhook's deadline plus 2 s, then the
 * delivery is as it is. The worker makes the attempt; it goes on when the caller leaves.
 * @param options.signal ends the wait
 */
export async function waitForAttempt(
  { db }: Pick<Context, "db">,
  { deliveryId, signal }: { deliveryId: string; signal?: AbortSignal },
): Promise<void> {
  const begunMs = performance.now();
  for (let pauseMs = PAUSE_MS.first; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.max)) {
    const [row] = await db.$queryRaw<{ is_over: boolean; timeout_ms: number }[]>`
      SELECT NOT (d.state = 'in_flight' OR (d.state = 'pending' AND (attempts_in_series = 0 OR ${WAS_CUT_OFF}))) AS is_over, timeout_ms
      FROM deliveries d JOIN webhooks ON webhooks.id = webhook_id WHERE d.id = ${deliveryId}::uuid`;
    if (row === undefined || row.is_over || performance.now() - begunMs > row.timeout_ms + MARGIN_MS) return;
    if (signal?.aborted) return;
    await wait(pauseMs);
  }
}

/** Whether the last attempt of a delivery `d` in its series ended with our own stop: it is made again at once. */
const WAS_CUT_OFF = Prisma.sql`coalesce((
  SELECT outcome = 'aborted' FROM attempts
  WHERE delivery_id = d.id AND attempts.series = d.series ORDER BY attempts.number DESC LIMIT 1
), false)`;

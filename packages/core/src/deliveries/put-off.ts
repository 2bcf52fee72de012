import type { Context } from "../context.js";
import type { Claim } from "./claim.js";

const PUT_OFF_MS = 5 * 60 * 1000;

/**
 * Gives a claim back of which no request left, because something of ours is wrong: it takes no number and no place in the
 * schedule, says why, and is tried again in 5 minutes.
 */
export async function putOff({ db }: Pick<Context, "db">, claim: Claim, reason: string): Promise<void> {
  await db.$executeRaw`
    UPDATE deliveries SET
      state = 'pending',
      attempts_in_series = attempts_in_series - 1,
      next_attempt_at = now() + ${PUT_OFF_MS} * interval '1 millisecond',
      relay_at = now() + ${PUT_OFF_MS} * interval '1 millisecond',
      lease_until = NULL,
      last_error = ${reason},
      updated_at = now()
    WHERE id = ${claim.deliveryId}::uuid AND state = 'in_flight' AND series = ${claim.series}
      AND attempts_in_series = ${claim.number}`;
}

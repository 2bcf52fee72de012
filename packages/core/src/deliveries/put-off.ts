import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import type { Claim } from "./claim.js";
import { FAULTS_MAX } from "./move-due.js";

const PAUSE_MS_FIRST = 15_000;
const PAUSE_GROWTH = 4;

/**
 * Gives a claim back of which no request left, because something of ours is wrong: it takes no number and no place in the
 * schedule, says why, and is tried again after 15 s, then after four times as long each time. That is a fault of the delivery's: with
 * the last one it is due at once, for the next claim ends it.
 */
export async function putOff({ db }: Pick<Context, "db">, claim: Claim, reason: string): Promise<void> {
  const pause = Prisma.sql`
    CASE WHEN coalesce(faults, 0) + 1 >= ${FAULTS_MAX} THEN 0 ELSE ${PAUSE_MS_FIRST} * power(${PAUSE_GROWTH}::float8, coalesce(faults, 0)) END * interval '1 millisecond'`;
  await db.$executeRaw`
    UPDATE deliveries SET
      state = 'pending',
      attempts_in_series = attempts_in_series - 1,
      next_attempt_at = now() + ${pause},
      relay_at = now() + ${pause},
      lease_until = NULL,
      faults = coalesce(faults, 0) + 1,
      last_error = ${reason},
      updated_at = now()
    WHERE id = ${claim.deliveryId}::uuid AND state = 'in_flight' AND series = ${claim.series}
      AND attempts_in_series = ${claim.number}`;
}

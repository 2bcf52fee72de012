import { dropPartitions, makePartitions } from "@homing/db/partitions";
import type { Context } from "./context.js";

const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;
const FORGOTTEN_AT_ONCE_MAX = 10_000;

/** What a round of maintenance did. */
export interface MaintenanceReport {
  partitionsMade: string[];
  partitionsDropped: string[];
  idempotencyKeysForgotten: number;
}

/** Forgets idempotency keys after 24 h and the request counts of keys that ask no more, makes partitions ahead, drops those past their retention. Any process may do it at any time. */
export async function maintain(
  { db }: Pick<Context, "db">,
  { nowMs, retentionMs }: { nowMs: number; retentionMs: number },
): Promise<MaintenanceReport> {
  const idempotencyKeysForgotten = await forgetIdempotencyKeys(db);
  await forgetRateCounts(db);
  const partitionsMade = await makePartitions(db, nowMs);
  const partitionsDropped = await dropPartitions(db, { nowMs, retentionMs });
  return { partitionsMade, partitionsDropped, idempotencyKeysForgotten };
}

/** In bites, so that no backlog makes the statement too long to finish. */
async function forgetIdempotencyKeys(db: Context["db"]): Promise<number> {
  for (let forgotten = 0; ;) {
    const bite = await db.$executeRaw`
      DELETE FROM idempotency_keys WHERE (organization_id, key) IN (
        SELECT organization_id, key FROM idempotency_keys
        WHERE created_at < now() - ${IDEMPOTENCY_TTL_MS} * interval '1 millisecond'
        LIMIT ${FORGOTTEN_AT_ONCE_MAX}
      )`;
    forgotten += bite;
    if (bite < FORGOTTEN_AT_ONCE_MAX) return forgotten;
  }
}

/** One row for each key that asked within a day; who counts removes nothing. */
async function forgetRateCounts(db: Context["db"]): Promise<void> {
  await db.$executeRaw`DELETE FROM rate_limits WHERE expire < extract(epoch FROM now() - interval '1 day') * 1000`;
}

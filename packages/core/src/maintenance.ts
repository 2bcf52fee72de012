import { dropPartitions, makePartitions } from "@homing/db/partitions";
import type { Context } from "./context.js";

const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

/** What a round of maintenance did. */
export interface MaintenanceReport {
  partitionsMade: string[];
  partitionsDropped: string[];
  idempotencyKeysForgotten: number;
}

/** Makes partitions ahead, drops those past their retention, forgets idempotency keys after 24 h. Any process may do it at any time. */
export async function maintain(
  { db }: Pick<Context, "db">,
  { nowMs, retentionMs }: { nowMs: number; retentionMs: number },
): Promise<MaintenanceReport> {
  const partitionsMade = await makePartitions(db, nowMs);
  const partitionsDropped = await dropPartitions(db, { nowMs, retentionMs });
  const { count } = await db.idempotencyKey.deleteMany({
    where: { createdAt: { lt: new Date(nowMs - IDEMPOTENCY_TTL_MS) } },
  });
  return { partitionsMade, partitionsDropped, idempotencyKeysForgotten: count };
}

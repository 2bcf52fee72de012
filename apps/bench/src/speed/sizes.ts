import { Redis } from "ioredis";
import type { Bench } from "../measure.js";
import { countRows } from "./accounting.js";

/** What Redis uses of memory, in bytes; null when the queue is not there. */
export async function queueBytes({ installation: { redisUrl } }: Bench): Promise<number | null> {
  if (redisUrl === null) return null;
  const redis = new Redis(redisUrl);
  try {
    return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  } finally {
    await redis.quit();
  }
}

/** Takes all that is dead out of deliveries and attempts, so that their size is what their rows need. */
export async function compact({ installation: { db } }: Bench): Promise<void> {
  for (const table of ["deliveries", "attempts"]) await db.$executeRawUnsafe(`VACUUM (FULL) ${table}`);
}

/** Deliveries with their attempts, and what they take on disk, indexes included. */
export interface HistorySize {
  deliveries: number;
  bytes: number;
}

export async function sizeHistory(bench: Bench): Promise<HistorySize> {
  const { db } = bench.installation;
  const [row] = await db.$queryRaw<{ bytes: bigint }[]>`
    SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes
    FROM pg_inherits WHERE inhparent IN ('deliveries'::regclass, 'attempts'::regclass)`;
  if (row === undefined) throw new Error("the database tells no sizes");
  const { deliveries } = await countRows(bench);
  return { deliveries, bytes: Number(row.bytes) };
}

export function bytesPerDelivery(before: HistorySize, after: HistorySize): number {
  return (after.bytes - before.bytes) / (after.deliveries - before.deliveries);
}

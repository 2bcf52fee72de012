import { Redis } from "ioredis";
import type { Bench } from "../measure.js";

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

/** What deliveries and attempts take on disk, indexes included, in bytes, after a VACUUM: what was dead may be used again, and still counts. */
export async function historyBytes({ installation: { db } }: Bench): Promise<number> {
  for (const table of ["deliveries", "attempts"]) await db.$executeRawUnsafe(`VACUUM ${table}`);
  const [row] = await db.$queryRaw<{ bytes: bigint }[]>`
    SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes
    FROM pg_inherits WHERE inhparent IN ('deliveries'::regclass, 'attempts'::regclass)`;
  if (row === undefined) throw new Error("the database tells no sizes");
  return Number(row.bytes);
}

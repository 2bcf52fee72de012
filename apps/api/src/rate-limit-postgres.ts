import type { Database } from "@homing/db/client";
import { type Batch, createBatch } from "@homing/runtime/batch";
import { type IRateLimiterStoreOptions, type RateLimiterAbstract, RateLimiterPostgres } from "rate-limiter-flexible";

const REQUESTS_IN_BATCH_MAX = 500;
const REQUESTS_WAITING_MAX = 5_000;
/** A limiter is asked before each request: without an answer by then, the request goes on without it. */
const ANSWER_LIMIT_MS = 500;

/** What the library asks of its client for one request: so many points more for a key. */
interface Upsert {
  values: [key: string, points: number, expiresAtMs: number, nowMs: number];
}

/** How many points a key has taken with this request, and until when. */
interface Counted {
  points: number;
  expire: number;
}

type Counter = Pick<Database, "$queryRaw">;

/**
 * The library's limiter on Postgres, with one statement for all requests that come together, whoever asks, where it would take one for
 * each. Times are the database's. The table is unlogged: a crash forgets the counts of a second. `onError` is told why it fell back.
 */
export function createPostgresLimiter({
  db,
  windowMs,
  onError,
  ...options
}: Omit<IRateLimiterStoreOptions, "storeClient"> & {
  db: Counter;
  windowMs: number;
  onError: (error: Error) => void;
}): RateLimiterAbstract {
  const counts = createBatch({
    flush: (upserts: Upsert[]) => within(ANSWER_LIMIT_MS, countTogether(db, windowMs, upserts)),
    itemsMax: REQUESTS_IN_BATCH_MAX,
    waitingMax: REQUESTS_WAITING_MAX,
    isItemFault: () => false,
  });
  return new RateLimiterPostgres({
    ...options,
    storeClient: { query: (upsert: Upsert) => count(counts, upsert, onError) },
    storeType: "client",
    tableName: "rate_limits",
    tableCreated: true,
    keyPrefix: "",
    // The worker's maintenance removes them.
    clearExpiredByTimeout: false,
  });
}

async function count(
  counts: Batch<Upsert, Counted>,
  upsert: Upsert,
  onError: (error: Error) => void,
): Promise<{ rows: Counted[] }> {
  try {
    return { rows: [await counts.add(upsert)] };
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function countTogether(db: Counter, windowMs: number, upserts: readonly Upsert[]): Promise<Counted[]> {
  const added = new Map<string, number>();
  // What each request's key had in this flush when it was its turn.
  const upTo = upserts.map(({ values: [key, points] }) => {
    const sum = (added.get(key) ?? 0) + points;
    added.set(key, sum);
    return sum;
  });
  // In the order of keys: flushes that overlap do not wait for each other in a circle.
  const rows = await db.$queryRaw<{ key: string; points: number; left_ms: number }[]>`/* prepared count_requests */
    WITH moment AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms),
    taken AS (SELECT key, points FROM unnest(${[...added.keys()]}::text[], ${[...added.values()]}::int[]) AS t (key, points) ORDER BY key)
    INSERT INTO rate_limits AS known (key, points, expire)
    SELECT key, points, now_ms + ${windowMs}::int FROM taken, moment
    ON CONFLICT (key) DO UPDATE SET
      points = excluded.points + CASE WHEN known.expire <= excluded.expire - ${windowMs}::int THEN 0 ELSE known.points END,
      expire = CASE WHEN known.expire <= excluded.expire - ${windowMs}::int THEN excluded.expire ELSE known.expire END
    RETURNING key, points, (expire - (SELECT now_ms FROM moment))::int AS left_ms`;
  const counted = new Map(rows.map((row) => [row.key, row]));
  const nowMs = Date.now();
  return upserts.map(({ values: [key] }, index) => {
    const { points, left_ms } = counted.get(key) ?? { points: 0, left_ms: windowMs };
    return { points: points - (added.get(key) ?? 0) + (upTo[index] ?? 0), expire: nowMs + left_ms };
  });
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Postgres did not count within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

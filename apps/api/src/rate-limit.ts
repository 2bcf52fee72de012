import type { Database } from "@homing/db/client";
import { connectRedis, disconnectRedis, REDIS_PREFIX } from "@homing/queue/redis";
import { parseRedisUrl } from "@homing/queue/redis-url";
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { createPostgresLimiter } from "./rate-limit-postgres.js";

const WINDOW_SECONDS = 1;

/** One request counted against its key's limit. */
export interface RateUse {
  isAllowed: boolean;
  /** Requests in a window. */
  limit: number;
  remaining: number;
  windowSeconds: number;
  /** Until the window ends; at least 1. */
  resetSeconds: number;
}

export interface RateLimiter {
  /** Counts one request of an API key. Never rejects, and answers in a fraction of a second when its store is away. */
  take(apiKeyId: string): Promise<RateUse>;
  close(): Promise<void>;
}

/**
 * At most `perSecond` requests a second for each API key: together in all processes, on Redis or, when `redisUrl` is null, on Postgres;
 * in each process by itself while that store does not answer. Redis is dialled in the background, for as long as it takes.
 * @throws RedisUrlError
 */
export function createRateLimiter(options: {
  perSecond: number;
  redisUrl: string | null;
  /** Where keys are counted without Redis; absent: in this process. */
  db?: Pick<Database, "$queryRaw">;
  /** Lost connections; called once an attempt. */
  onError: (error: Error) => void;
}): RateLimiter {
  const { perSecond, redisUrl, db, onError } = options;
  const limits = { points: perSecond, duration: WINDOW_SECONDS };
  const memory = new RateLimiterMemory(limits);
  // What is over the limit for the rest of the window costs the store nothing.
  const storing = { ...limits, insuranceLimiter: memory, inMemoryBlockOnConsumed: perSecond };
  if (redisUrl === null) {
    const limiter =
      db === undefined ? memory : createPostgresLimiter({ ...storing, db, windowMs: 1000 * WINDOW_SECONDS, onError });
    return { take: (key) => take(limiter, key), close: () => Promise.resolve() };
  }
  const client = connectRedis(parseRedisUrl(redisUrl), "limiter");
  client.on("error", onError);
  const redis = new RateLimiterRedis({
    ...storing,
    storeClient: client,
    keyPrefix: `${REDIS_PREFIX}:rate`,
    rejectIfRedisNotReady: true,
  });
  return { take: (key) => take(redis, key), close: () => disconnectRedis(client) };
}

async function take(limiter: RateLimiterAbstract, apiKeyId: string): Promise<RateUse> {
  try {
    return describeUse(limiter.points, await limiter.consume(apiKeyId), true);
  } catch (error) {
    // The library rejects with the count where the limit is passed.
    if (error instanceof RateLimiterRes) return describeUse(limiter.points, error, false);
    throw error;
  }
}

function describeUse(limit: number, count: RateLimiterRes, isAllowed: boolean): RateUse {
  return {
    isAllowed,
    limit,
    remaining: count.remainingPoints,
    windowSeconds: WINDOW_SECONDS,
    resetSeconds: Math.max(1, Math.ceil(count.msBeforeNext / 1000)),
  };
}

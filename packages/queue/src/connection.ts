import type { PostgresPoolConfig } from "bullmq";
import { parseRedisUrl, type RedisTarget } from "./redis-url.js";

/** BullMQ's own schema, beside the application's. */
export const POSTGRES_SCHEMA = "bullmq";

const PRODUCER_CONNECTIONS_MAX = 4;
const WORKER_CONNECTIONS_MAX = 10;
const PRODUCER_CONNECT_TIMEOUT_MS = 2_000;
// Also bounds how long one of a worker's many jobs waits for a free connection of the pool.
const WORKER_CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 10_000;

/** Where the queue lives: on Redis when `redisUrl` is given (spellings: parseRedisUrl), else in Postgres. */
export interface QueueConnectionOptions {
  redisUrl?: string | undefined;
  databaseUrl?: string | undefined;
}

export type QueueBackend = { kind: "redis"; target: RedisTarget } | { kind: "postgres"; databaseUrl: string };

/**
 * Decides the backend without connecting.
 * @throws RedisUrlError when the URL is malformed, Error when neither is given
 */
export function chooseBackend({ redisUrl, databaseUrl }: QueueConnectionOptions): QueueBackend {
  if (redisUrl) return { kind: "redis", target: parseRedisUrl(redisUrl) };
  if (databaseUrl) return { kind: "postgres", databaseUrl };
  throw new Error("the queue needs REDIS_URL or DATABASE_URL");
}

/**
 * BullMQ's Postgres backend: one pool, and for a worker one more connection that listens. It sets search_path when it
 * connects and keeps LISTEN, so a pooler between must be in session mode.
 */
export function postgresConnection(databaseUrl: string, role: "producer" | "worker"): PostgresPoolConfig {
  return {
    connectionString: databaseUrl,
    schema: POSTGRES_SCHEMA,
    migrate: false,
    max: role === "producer" ? PRODUCER_CONNECTIONS_MAX : WORKER_CONNECTIONS_MAX,
    connectionTimeoutMillis: role === "producer" ? PRODUCER_CONNECT_TIMEOUT_MS : WORKER_CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  };
}

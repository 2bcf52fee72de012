import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import type { RedisTarget } from "./redis-url.js";

/** In braces: all keys of the queue live in one hash slot, which a Redis Cluster needs. */
export const REDIS_PREFIX = "{homing}";

const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_DELAY_MS_MAX = 1_000;
const COMMAND_TIMEOUT_MS = 2_000;
// A limiter is asked before each request: without an answer by then, the request goes on without it.
const LIMITER_COMMAND_TIMEOUT_MS = 200;
const LIMITER_SILENCE_MS_MAX = 1_000;
const PRODUCER_SILENCE_MS_MAX = 5_000;
// Longer than a worker's blocking wait (at most 10 s), which is silent by nature.
const WORKER_SILENCE_MS_MAX = 15_000;

export type RedisClient = Redis | Cluster;
export type RedisRole = "producer" | "limiter" | "worker";

/**
 * Connects in the background and for as long as it takes.
 *
 * A producer fails fast: what cannot be sent now is refused now, and nothing piles up in memory while Redis is away.
 * A limiter does so too, and much sooner.
 * A worker waits: its commands are few, and what they report is sent once Redis is back.
 */
export function connectRedis(target: RedisTarget, role: RedisRole): RedisClient {
  const enableOfflineQueue = role === "worker";
  const options = {
    ...login(target),
    ...patience(role),
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectOnError: isDemoted,
  };
  if (target.topology === "cluster") {
    return new Cluster(target.endpoints, {
      redisOptions: options,
      enableOfflineQueue,
      clusterRetryStrategy: reconnectDelayMs,
      // Certificates name hosts: a lookup here would hand TLS an address to verify.
      ...(target.tls && { dnsLookup: keepName }),
    } satisfies ClusterOptions);
  }
  return new Redis({
    ...options,
    ...address(target),
    db: target.db,
    enableOfflineQueue,
    retryStrategy: reconnectDelayMs,
  } satisfies RedisOptions);
}

/** Resolves to whether the client became usable in time; it goes on connecting either way. */
export async function isReadyWithin(client: RedisClient, timeoutMs: number): Promise<boolean> {
  if (client.status === "ready") return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), timeoutMs);
    const onReady = () => settle(true);
    client.once("ready", onReady);
    function settle(ready: boolean): void {
      clearTimeout(timer);
      client.off("ready", onReady);
      resolve(ready);
    }
  });
}

/** Says goodbye when there is somebody to say it to. */
export async function disconnectRedis(client: RedisClient): Promise<void> {
  if (client.status === "ready") await client.quit().catch(() => undefined);
  client.disconnect();
}

function login(target: RedisTarget) {
  return {
    ...(target.username && { username: target.username }),
    ...(target.password && { password: target.password }),
    ...(target.tls && { tls: {} }),
  };
}

function patience(role: RedisRole) {
  switch (role) {
    case "producer":
      return { commandTimeout: COMMAND_TIMEOUT_MS, socketTimeout: PRODUCER_SILENCE_MS_MAX, maxRetriesPerRequest: 0 };
    case "limiter":
      return {
        commandTimeout: LIMITER_COMMAND_TIMEOUT_MS,
        socketTimeout: LIMITER_SILENCE_MS_MAX,
        maxRetriesPerRequest: 0,
      };
    case "worker":
      return { socketTimeout: WORKER_SILENCE_MS_MAX, maxRetriesPerRequest: null };
  }
}

function address(target: RedisTarget) {
  if (target.topology !== "sentinel") return { ...target.endpoints[0] };
  return {
    sentinels: target.endpoints,
    ...(target.masterName && { name: target.masterName }),
    ...(target.sentinelUsername && { sentinelUsername: target.sentinelUsername }),
    ...(target.sentinelPassword && { sentinelPassword: target.sentinelPassword }),
    ...(target.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    sentinelRetryStrategy: reconnectDelayMs,
  };
}

/** After a failover the old primary answers READONLY. The first word of a Redis error is its code. */
function isDemoted(error: Error): boolean {
  return error.message.startsWith("READONLY");
}

function reconnectDelayMs(times: number): number {
  return Math.min(times * 100, RECONNECT_DELAY_MS_MAX);
}

function keepName(name: string, callback: (error: null, address: string) => void): void {
  callback(null, name);
}

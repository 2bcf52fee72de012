import { describe } from "@jest/globals";
import { findRedisServer } from "@homing/local/redis";

export type Backend = "redis" | "postgres";

const hasRedis = findRedisServer() !== null;

/** The same suite on each of the queue's backends; on Redis it is skipped, and said so, where redis-server is not installed. */
export function describeOn(backends: readonly Backend[], title: string, suite: (backend: Backend) => void): void {
  for (const backend of backends) {
    const isSkipped = backend === "redis" && !hasRedis;
    if (isSkipped) process.stderr.write(`${title} on redis: skipped, redis-server is not installed\n`);
    const block = isSkipped ? describe.skip : describe;
    block(`${title} on ${backend}`, () => suite(backend));
  }
}

export const BACKENDS = ["redis", "postgres"] as const satisfies readonly Backend[];

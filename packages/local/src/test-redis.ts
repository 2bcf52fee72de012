import { testRedisUrl } from "./config.js";
import { type LocalRedis, findRedisServer, startRedis } from "./redis.js";

export interface TestRedis {
  url: string;
  /** The server, where it is this test's own and may be stopped or flushed; null for the one of REDIS_URL. */
  own: LocalRedis | null;
  /** Stops an own server; leaves another alone. */
  stop(): Promise<void>;
}

/**
 * A Redis for one test file: a server of its own where redis-server is installed, else that of REDIS_URL, else null with one line
 * that says so. Await it at the top level of the test file, so that suites can be skipped and counted.
 */
export async function testRedis(): Promise<TestRedis | null> {
  if (findRedisServer() !== null) {
    const own = await startRedis();
    return { url: own.url, own, stop: () => own.stop() };
  }
  const url = testRedisUrl();
  if (url !== null) return { url, own: null, stop: () => Promise.resolve() };
  process.stderr.write("Redis tests are skipped: neither redis-server nor REDIS_URL is there\n");
  return null;
}

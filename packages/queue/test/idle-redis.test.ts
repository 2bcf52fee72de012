import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { createEnds, type Ends, gate, hint, jobOf } from "./ends.js";
import { hasRedisServer, type RedisServer, startRedis, waitFor } from "./services.js";

const JOBS = 20;
/** One that adds the job, one that takes it, one that looks for another in vain, one that ends it. */
const SCRIPTS_EACH = 4;
/** Checks for lost jobs and the like, which run by the clock. */
const OTHER_SCRIPTS_MAX = JOBS / 2;
const SOON_MS = 2_000;

const onRedis = hasRedisServer ? test : test.skip;

let server: RedisServer;
let redis: Redis;
let ends: Ends;

beforeEach(async () => {
  if (!hasRedisServer) return;
  server = await startRedis();
  redis = new Redis({ host: "127.0.0.1", port: server.port });
  ends = createEnds();
});

afterEach(async () => {
  if (!hasRedisServer) return;
  await ends.close();
  await redis.quit();
  await server.stop();
});

async function untilIdle(workers: number): Promise<void> {
  await waitFor(async () => (await redis.info("clients")).includes(`blocked_clients:${workers}\r\n`));
}

async function scriptsRun(): Promise<number> {
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1] ?? 0);
}

onRedis("a job that comes alone costs an idle worker four scripts", async () => {
  const options = { redisUrl: `redis://127.0.0.1:${server.port}` };
  const queue = await ends.queue(options);
  await ends.worker(options, async () => ({ outcome: "succeeded" }));
  // The queue's own count is a script, too.
  const countCompleted = () => redis.zcard(queue.bullQueue.keys["completed"] ?? "");
  const deliverOne = async (): Promise<void> => {
    const completed = await countCompleted();
    await queue.enqueue([jobOf(hint())]);
    await waitFor(async () => (await countCompleted()) > completed);
    await untilIdle(1);
  };
  await deliverOne();
  const before = await scriptsRun();
  for (let job = 0; job < JOBS; job++) await deliverOne();
  const scripts = (await scriptsRun()) - before;
  expect(scripts).toBeGreaterThanOrEqual(JOBS * SCRIPTS_EACH);
  expect(scripts).toBeLessThan(JOBS * SCRIPTS_EACH + OTHER_SCRIPTS_MAX);
});

onRedis.each([1, 2])("jobs that come together all begin at once with %i idle workers", async (workers) => {
  const options = { redisUrl: `redis://127.0.0.1:${server.port}` };
  const queue = await ends.queue(options);
  const door = gate();
  const begun = new Set<string>();
  const take = async ({ deliveryId }: { deliveryId: string }) => {
    begun.add(deliveryId);
    await door.passed;
    return { outcome: "succeeded" };
  };
  for (let worker = 0; worker < workers; worker++) await ends.worker(options, take, 4);
  await untilIdle(workers);
  await queue.enqueue([jobOf(hint()), jobOf(hint()), jobOf(hint())]);
  await waitFor(() => begun.size === 3, SOON_MS);
  await queue.enqueue([jobOf(hint())]);
  await waitFor(() => begun.size === 4, SOON_MS);
  door.open();
  await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 4);
});

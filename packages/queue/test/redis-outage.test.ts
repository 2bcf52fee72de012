import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { createEnds, type Ends, hint, jobOf } from "./ends.js";
import { freePort } from "@homing/local/free-port";
import { hasRedisServer, type RedisServer, startRedis, waitFor } from "./services.js";

const REFUSAL_MS_MAX = 3_000;
const SUCCEEDED = { outcome: "succeeded" };

const onRedis = hasRedisServer ? describe : describe.skip;

onRedis("when Redis goes away", () => {
  let ends: Ends;
  let server: RedisServer | undefined;
  let port = 0;
  const options = () => ({ redisUrl: `redis://127.0.0.1:${port}` });

  beforeEach(async () => {
    ends = createEnds();
    port = await freePort();
    server = await startRedis([], port);
  });
  afterEach(async () => {
    await ends.close();
    await server?.stop();
  });

  async function refusalMs(enqueue: Promise<void>): Promise<number> {
    const startedAt = performance.now();
    await expect(enqueue).rejects.toThrow();
    return performance.now() - startedAt;
  }

  test("hints and pings are refused within 3 s, and both ends come back by themselves", async () => {
    const queue = await ends.queue(options());
    const seen: string[] = [];
    await ends.worker(options(), async ({ deliveryId }) => (seen.push(deliveryId), SUCCEEDED));
    await server?.stop();
    expect(await refusalMs(queue.enqueue([jobOf(hint())]))).toBeLessThan(REFUSAL_MS_MAX);
    expect(await refusalMs(queue.ping())).toBeLessThan(REFUSAL_MS_MAX);
    await waitFor(() => ends.errors.length > 0);

    server = await startRedis([], port);
    const later = hint();
    await waitFor(() =>
      queue.enqueue([jobOf(later)]).then(
        () => true,
        () => false,
      ),
    );
    await waitFor(() => seen.includes(later.deliveryId));
    expect(seen).toEqual([later.deliveryId]);
  });

  test("a Redis that is connected but frozen refuses within 3 s and serves again once it thaws", async () => {
    const queue = await ends.queue(options());
    process.kill(server?.pid ?? 0, "SIGSTOP");
    try {
      expect(await refusalMs(queue.enqueue([jobOf(hint())]))).toBeLessThan(REFUSAL_MS_MAX);
    } finally {
      process.kill(server?.pid ?? 0, "SIGCONT");
    }
    await waitFor(() =>
      queue.ping().then(
        () => true,
        () => false,
      ),
    );
    const later = hint();
    await waitFor(() =>
      queue.enqueue([jobOf(later)]).then(
        () => true,
        () => false,
      ),
    );
    let hasRun = false;
    await ends.worker(options(), async ({ deliveryId }) => ((hasRun ||= deliveryId === later.deliveryId), SUCCEEDED));
    await waitFor(() => hasRun);
  });

  test("both ends can be opened before Redis is there, and work once it is", async () => {
    await server?.stop();
    const queue = await ends.queue(options());
    const seen: string[] = [];
    await ends.worker(options(), async ({ deliveryId }) => (seen.push(deliveryId), SUCCEEDED));
    expect(await refusalMs(queue.enqueue([jobOf(hint())]))).toBeLessThan(REFUSAL_MS_MAX);

    server = await startRedis([], port);
    const later = hint();
    await waitFor(() =>
      queue.enqueue([jobOf(later)]).then(
        () => true,
        () => false,
      ),
    );
    await waitFor(() => seen.includes(later.deliveryId));
  });

  test("the epoch stays while Redis keeps its data and is new after FLUSHALL, which no worker dies of", async () => {
    const queue = await ends.queue(options());
    const seen: string[] = [];
    const worker = await ends.worker(options(), async ({ deliveryId }) => (seen.push(deliveryId), SUCCEEDED));
    expect(await queue.epoch(1_000)).toBe(1_000);
    expect(await queue.epoch(2_000)).toBe(1_000);
    const lost = hint();
    await queue.enqueue([jobOf(lost, { delayMs: 60_000 })]);

    const operator = new Redis(options().redisUrl);
    await operator.flushall();
    expect(await queue.epoch(3_000)).toBe(3_000);
    expect(await operator.hget("{homing}:deliveries:meta", "opts.maxLenEvents")).toBe("1000");
    await operator.quit();

    await queue.enqueue([jobOf(lost)]);
    await waitFor(() => seen.includes(lost.deliveryId));
    expect(worker.isRunning()).toBe(true);
  });

  test("FLUSHALL in mid-job costs that job's record only", async () => {
    const queue = await ends.queue(options());
    const operator = new Redis(options().redisUrl);
    let runs = 0;
    await ends.worker(options(), async () => {
      runs += 1;
      if (runs === 1) await operator.flushall();
      return SUCCEEDED;
    });
    await queue.enqueue([jobOf(hint())]);
    await waitFor(() => ends.errors.length > 0);
    await queue.enqueue([jobOf(hint())]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    expect(ends.errors[0]?.message).toMatch(/Missing (key|lock) for job/);
    await operator.quit();
  });
});

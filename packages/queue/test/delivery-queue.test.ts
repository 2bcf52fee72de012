import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { QueueConnectionOptions } from "../src/connection.js";
import type { DeliveryHint } from "../src/delivery-job.js";
import { createEnds, type Ends, gate, hint, jobOf } from "./ends.js";
import { hasRedisServer, type Service, startPostgresService, startRedisService, waitFor } from "./services.js";

const DELAY_MS = 500;
const LIMIT_MS = 1_000;
const SUCCEEDED = { outcome: "succeeded" };

if (!hasRedisServer) process.stderr.write("redis-server is not installed: the queue's tests on Redis are skipped\n");

describe.each([
  { name: "Redis", start: startRedisService, isAvailable: hasRedisServer },
  { name: "Postgres", start: startPostgresService, isAvailable: true },
])("on $name", ({ start, isAvailable }) => {
  const onBackend = isAvailable ? test : test.skip;
  let service: Service | undefined;
  let options: QueueConnectionOptions = {};
  let ends: Ends;

  beforeAll(async () => {
    if (isAvailable) service = await start();
  });
  beforeEach(async () => {
    ends = createEnds();
    if (service) options = await service.fresh();
  });
  afterEach(() => ends.close());
  afterAll(() => service?.stop());

  onBackend("a hint is processed once, with what it carried", async () => {
    const queue = await ends.queue(options);
    const seen: DeliveryHint[] = [];
    await ends.worker(options, async (one) => (seen.push(one), SUCCEEDED));
    const asked = hint({ series: 3, number: 2 });
    await queue.enqueue([jobOf(asked)]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    expect(seen).toEqual([asked]);
    expect((await queue.bullQueue.getCompleted())[0]?.returnvalue).toEqual(SUCCEEDED);
  });

  onBackend(
    "an overdue hint comes though a delayed one of the same attempt waits for a clock that was wrong",
    async () => {
      const queue = await ends.queue(options);
      const delayed = hint({ number: 2 });
      const seen: DeliveryHint[] = [];
      await ends.worker(options, async (one) => (seen.push(one), SUCCEEDED));
      const overdue = { ...delayed, isOverdue: true };
      await queue.enqueue([jobOf(delayed, { delayMs: 300_000 }), jobOf(delayed), jobOf(overdue)]);
      await waitFor(() => seen.length > 0);
      expect(seen).toMatchObject([{ deliveryId: delayed.deliveryId, isOverdue: true }]);
      expect((await queue.depth()).delayed).toBe(1);
    },
  );

  onBackend("a hint that already waits or runs is dropped", async () => {
    const queue = await ends.queue(options);
    const [first, marker] = [hint(), hint()];
    const door = gate();
    const seen: string[] = [];
    await queue.enqueue([jobOf(first), jobOf(first)]);
    await queue.enqueue([jobOf(first)]);
    expect((await queue.depth()).waiting).toBe(1);
    await ends.worker(options, async ({ deliveryId }) => {
      seen.push(deliveryId);
      if (deliveryId === first.deliveryId) await door.passed;
      return SUCCEEDED;
    });
    await waitFor(() => seen.length === 1);
    await queue.enqueue([jobOf(first), jobOf(marker)]);
    await waitFor(() => seen.includes(marker.deliveryId));
    door.open();
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 2);
    expect(seen).toEqual([first.deliveryId, marker.deliveryId]);
  });

  onBackend("a hint can be repeated once its job finished, though the finished job is still shown", async () => {
    const queue = await ends.queue(options);
    const again = hint();
    let runs = 0;
    await ends.worker(options, async () => {
      runs += 1;
      if (runs === 1) throw new Error("the database is away");
      return SUCCEEDED;
    });
    await queue.enqueue([jobOf(again)]);
    await waitFor(async () => (await queue.bullQueue.getFailedCount()) === 1);
    await queue.enqueue([jobOf(again)]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    await queue.enqueue([jobOf(again)]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 2);
    expect(runs).toBe(3);
    expect(await queue.bullQueue.getFailedCount()).toBe(1);
  });

  onBackend("a retry's hint is not swallowed while the job before it is active", async () => {
    const queue = await ends.queue(options);
    const first = hint();
    const door = gate();
    const series: number[] = [];
    await ends.worker(options, async (one) => {
      series.push(one.series);
      if (one.series === 1) await door.passed;
      return SUCCEEDED;
    });
    await queue.enqueue([jobOf(first)]);
    await waitFor(() => series.length === 1);
    await queue.enqueue([jobOf({ ...first, series: 2 })]);
    await waitFor(() => series.length === 2);
    door.open();
    expect(series).toEqual([1, 2]);
  });

  onBackend("a delayed hint runs when its time has come, not before, and does not count as depth", async () => {
    const queue = await ends.queue(options);
    let ranAt = 0;
    await ends.worker(options, async () => ((ranAt = Date.now()), SUCCEEDED));
    const enqueuedAt = Date.now();
    await queue.enqueue([jobOf(hint(), { delayMs: 800 })]);
    expect((await queue.depth()).waiting).toBe(0);
    await waitFor(() => ranAt > 0);
    expect(ranAt - enqueuedAt).toBeGreaterThanOrEqual(800);
    expect(ranAt - enqueuedAt).toBeLessThan(3_000);
  });

  onBackend("a job that comes too early is postponed by what it asked for, and has not failed", async () => {
    const queue = await ends.queue(options);
    const ranAt: number[] = [];
    await ends.worker(options, async () => (ranAt.push(Date.now()) === 1 ? { tooEarlyByMs: 700.5 } : SUCCEEDED));
    await queue.enqueue([jobOf(hint())]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    const [first = 0, second = 0] = ranAt;
    expect(ranAt).toHaveLength(2);
    expect(second - first).toBeGreaterThanOrEqual(700);
    expect(second - first).toBeLessThan(3_000);
    expect([...ends.failures, ...ends.errors]).toEqual([]);
    expect(await queue.bullQueue.getFailedCount()).toBe(0);
  });

  onBackend("a job of another shape fails with a readable reason and is not run", async () => {
    const queue = await ends.queue(options);
    let runs = 0;
    await ends.worker(options, async () => ((runs += 1), SUCCEEDED));
    await queue.bullQueue.add("attempt", { hints: [{ deliveryId: "17" }] });
    await waitFor(() => ends.failures.length === 1);
    const [failed] = await queue.bullQueue.getFailed();
    expect(failed?.failedReason).toMatch(
      /^invalid delivery job: hints\[0\].deliveryId must be a valid GUID; hints\[0\].webhookId is required; hints\[0\].series is required/,
    );
    expect(ends.failures[0]).toMatchObject({ jobId: failed?.id, data: { hints: [{ deliveryId: "17" }] } });
    expect(runs).toBe(0);
  });

  onBackend("more jobs than one batch holds all arrive", async () => {
    const queue = await ends.queue(options);
    await queue.enqueue(Array.from({ length: 2_500 }, () => jobOf(hint())));
    expect((await queue.depth()).waiting).toBe(2_500);
  });

  onBackend(
    "hints without a priority come first, then those with less, also when they were delayed or repeated",
    async () => {
      const queue = await ends.queue(options);
      const [last, later, delayed, first] = [hint(), hint(), hint(), hint()];
      const dueAtMs = Date.now() + DELAY_MS + 50;
      await queue.enqueue([
        jobOf(last, { priority: 9 }),
        jobOf(later, { priority: 2 }),
        jobOf(delayed, { priority: 1, delayMs: DELAY_MS }),
      ]);
      // One that waits keeps its place.
      await queue.enqueue([jobOf(last), jobOf(first)]);
      expect(await queue.depth()).toEqual({ waiting: 3, delayed: 1 });
      const gone = hint();
      const seen: string[] = [];
      const door = gate();
      await ends.worker(
        options,
        async ({ deliveryId }) => {
          seen.push(deliveryId);
          if (deliveryId === first.deliveryId) await door.passed;
          return SUCCEEDED;
        },
        1,
      );
      await waitFor(() => seen.length === 1);
      await waitFor(() => Date.now() >= dueAtMs);
      await queue.enqueue([jobOf(gone)]);
      door.open();
      await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 5);
      const order = [first, gone, delayed, later, last].map(({ deliveryId }) => deliveryId);
      expect(seen).toEqual(order);
    },
  );

  onBackend("no more jobs run at once than the concurrency allows", async () => {
    const queue = await ends.queue(options);
    const [jobs, concurrency] = [12, 3];
    let [active, activeMax, done] = [0, 0, 0];
    await queue.enqueue(Array.from({ length: jobs }, () => jobOf(hint())));
    await ends.worker(
      options,
      async () => {
        active += 1;
        activeMax = Math.max(activeMax, active);
        await waitFor(() => activeMax >= concurrency);
        active -= 1;
        done += 1;
        return SUCCEEDED;
      },
      concurrency,
    );
    await waitFor(() => done === jobs);
    expect(activeMax).toBe(concurrency);
  });

  onBackend("the hints of a job run together, and each has its outcome", async () => {
    const queue = await ends.queue(options);
    const hints = [hint(), hint(), hint()];
    let active = 0;
    await ends.worker(options, async ({ deliveryId }) => {
      active += 1;
      await waitFor(() => active === hints.length);
      return { outcome: `of ${deliveryId}` };
    });
    await queue.enqueue([{ hints, delayMs: 0 }]);
    expect((await queue.depth()).waiting).toBeLessThanOrEqual(1);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    const [job] = await queue.bullQueue.getCompleted();
    expect(job?.returnvalue).toEqual(hints.map(({ deliveryId }) => ({ outcome: `of ${deliveryId}` })));
  });

  onBackend("no more hints of a job run at once than the concurrency allows", async () => {
    const queue = await ends.queue(options);
    const concurrency = 2;
    let [active, activeMax, done] = [0, 0, 0];
    await ends.worker(
      options,
      async () => {
        active += 1;
        activeMax = Math.max(activeMax, active);
        await waitFor(() => activeMax >= concurrency);
        active -= 1;
        done += 1;
        return SUCCEEDED;
      },
      concurrency,
    );
    const hints = Array.from({ length: 6 }, () => hint());
    await queue.enqueue([{ hints, delayMs: 0 }, jobOf(hint())]);
    await waitFor(() => done === hints.length + 1);
    expect(activeMax).toBe(concurrency);
  });

  onBackend("hints that take long leave the other slots to other jobs, whatever jobs they came with", async () => {
    const queue = await ends.queue(options);
    const long = [hint(), hint(), hint()];
    const door = gate();
    const done = new Set<string>();
    await ends.worker(
      options,
      async ({ deliveryId }) => {
        if (long.some((one) => one.deliveryId === deliveryId)) await door.passed;
        done.add(deliveryId);
        return SUCCEEDED;
      },
      long.length + 1,
    );
    const withLong = long.map((one) => ({ hints: [one, hint(), hint()], delayMs: 0 }));
    const others = Array.from({ length: 20 }, () => ({ hints: [hint(), hint()], delayMs: 0 }));
    await queue.enqueue([...withLong, ...others]);
    const short = [...withLong, ...others].flatMap(({ hints }) => hints).length - long.length;
    await waitFor(() => done.size === short);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === others.length);
    door.open();
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === withLong.length + others.length);
  });

  onBackend("one that gives its slot back leaves it to another, and ends its job when it has ended", async () => {
    const queue = await ends.queue(options);
    const long = hint();
    const others = Array.from({ length: 6 }, () => hint());
    const door = gate();
    let active = 0;
    let activeMax = 0;
    const runOther = async (): Promise<void> => {
      active += 1;
      activeMax = Math.max(activeMax, active);
      await new Promise((resolve) => setImmediate(resolve));
      active -= 1;
    };
    const runLong = async (giveBackSlot: () => void): Promise<void> => {
      giveBackSlot();
      giveBackSlot();
      await door.passed;
    };
    const concurrency = 1;
    await ends.worker(
      options,
      async ({ deliveryId }, giveBackSlot) => {
        await (deliveryId === long.deliveryId ? runLong(giveBackSlot) : runOther());
        return SUCCEEDED;
      },
      concurrency,
    );
    await queue.enqueue([jobOf(long)]);
    await waitFor(async () => (await queue.bullQueue.getActiveCount()) === 1);
    await queue.enqueue(others.map((one) => jobOf(one)));
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === others.length);
    expect(activeMax).toBe(concurrency);
    expect(await queue.bullQueue.getActiveCount()).toBe(1);
    door.open();
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === others.length + 1);
  });

  onBackend("a hint that came too early is run again without those that it came with", async () => {
    const queue = await ends.queue(options);
    const [ready, early] = [hint(), hint()];
    const seen: string[] = [];
    await ends.worker(options, async ({ deliveryId }) => {
      seen.push(deliveryId);
      return deliveryId === early.deliveryId && seen.length <= 2 ? { tooEarlyByMs: 100 } : SUCCEEDED;
    });
    await queue.enqueue([{ hints: [ready, early], delayMs: 0 }]);
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 1);
    expect(seen.toSorted()).toEqual([ready, early, early].map(({ deliveryId }) => deliveryId).toSorted());
  });

  onBackend("a hint that throws fails its job once the others of it have ended", async () => {
    const queue = await ends.queue(options);
    const [bad, good] = [hint(), hint()];
    const door = gate();
    let isGoodDone = false;
    await ends.worker(options, async ({ deliveryId }) => {
      if (deliveryId === bad.deliveryId) throw new Error("it cannot be signed");
      await door.passed;
      isGoodDone = true;
      return SUCCEEDED;
    });
    await queue.enqueue([{ hints: [bad, good], delayMs: 0 }]);
    await waitFor(async () => (await queue.bullQueue.getActiveCount()) === 1);
    expect(ends.failures).toEqual([]);
    door.open();
    await waitFor(() => ends.failures.length === 1);
    expect(isGoodDone).toBe(true);
    expect(ends.failures).toMatchObject([{ error: { message: `delivery ${bad.deliveryId}: it cannot be signed` } }]);
  });

  onBackend("a limit that was set for the queue lets the process breathe until its end", async () => {
    const queue = await ends.queue(options);
    await queue.bullQueue.setGlobalRateLimit(1, LIMIT_MS);
    let runs = 0;
    await ends.worker(options, async () => ((runs += 1), SUCCEEDED));
    await queue.enqueue([jobOf(hint()), jobOf(hint())]);
    await waitFor(() => runs === 1);
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS / 2);
    await waitFor(() => runs === 2);
  });

  onBackend("a job of the same hints is dropped while the first one waits", async () => {
    const queue = await ends.queue(options);
    const hints = [hint(), hint(), hint()];
    await queue.enqueue([{ hints, delayMs: 0 }]);
    await queue.enqueue([
      { hints, delayMs: 0 },
      { hints: hints.slice(1), delayMs: 0 },
    ]);
    expect((await queue.depth()).waiting).toBe(2);
  });

  onBackend("close waits for the job under way and takes no other", async () => {
    const queue = await ends.queue(options);
    const door = gate();
    const order: string[] = [];
    const worker = await ends.worker(
      options,
      async () => {
        order.push("taken");
        await door.passed;
        order.push("done");
        return SUCCEEDED;
      },
      1,
    );
    await queue.enqueue([jobOf(hint()), jobOf(hint())]);
    await waitFor(() => order.length === 1);
    const closed = worker.close().then(() => order.push("closed"));
    door.open();
    await closed;
    expect(order).toEqual(["taken", "done", "closed"]);
    expect(await queue.bullQueue.getCompletedCount()).toBe(1);
    expect((await queue.depth()).waiting).toBe(1);
  });

  onBackend("an open queue answers a ping and a closed one refuses hints", async () => {
    const queue = await ends.queue(options);
    await expect(queue.ping()).resolves.toBeUndefined();
    await queue.close();
    await expect(queue.enqueue([jobOf(hint())])).rejects.toThrow();
  });
});

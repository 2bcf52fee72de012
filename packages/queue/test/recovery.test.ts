import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { QueueConnectionOptions } from "../src/connection.js";
import { createDeliveryWorker } from "../src/worker.js";
import { createEnds, type Ends, gate, hint, jobOf } from "./ends.js";
import { end, hasRedisServer, type Service, startPostgresService, startRedisService, waitFor } from "./services.js";

const RECOVERY_MS_MAX = 15_000;
const CLOSE_MS_MAX = 2_000;
const HANGING_WORKER = fileURLToPath(new URL("fixtures/hanging-worker.mjs", import.meta.url));

describe.each([
  { name: "Redis", start: startRedisService, isAvailable: hasRedisServer },
  { name: "Postgres", start: startPostgresService, isAvailable: true },
])("on $name", ({ start, isAvailable }) => {
  const onBackend = isAvailable ? test : test.skip;
  let service: Service | undefined;
  let options: QueueConnectionOptions = {};
  let ends: Ends;
  let children: ChildProcess[] = [];

  beforeAll(async () => {
    if (isAvailable) service = await start();
  });
  beforeEach(async () => {
    ends = createEnds();
    if (service) options = await service.fresh();
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => end(child)));
    children = [];
    await ends.close();
  });
  afterAll(() => service?.stop());

  onBackend("jobs of a killed process and of an abandoned worker are run again within 15 s", async () => {
    const queue = await ends.queue(options);
    const lost = [hint(), hint()];
    const child = spawn(process.execPath, [HANGING_WORKER, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await queue.enqueue(lost.slice(0, 1).map((one) => jobOf(one)));
    await once(child.stdout, "data");

    const seen: string[] = [];
    const door = gate();
    const abandoned = await ends.worker(
      options,
      async ({ deliveryId }) => {
        seen.push(deliveryId);
        await door.passed;
        return { outcome: "too late" };
      },
      1,
    );
    await queue.enqueue(lost.slice(1).map((one) => jobOf(one)));
    await waitFor(() => seen.length === 1);

    const lostAt = performance.now();
    await end(child, "SIGKILL");
    const closed = abandoned.close();
    await abandoned.closeNow();
    const rerun: string[] = [];
    await ends.worker(options, async ({ deliveryId }) => (rerun.push(deliveryId), { outcome: "succeeded" }));
    await waitFor(async () => (await queue.bullQueue.getCompletedCount()) === 2, RECOVERY_MS_MAX);
    expect(performance.now() - lostAt).toBeLessThan(RECOVERY_MS_MAX);
    door.open();
    await closed;
    expect(rerun.toSorted()).toEqual(lost.map(({ deliveryId }) => deliveryId).toSorted());
    expect(seen).toEqual([lost[1]?.deliveryId]);
    expect(ends.failures).toEqual([]);
  });

  onBackend("closing at once does not wait for a backend that never came up", async () => {
    const nowhere =
      "redisUrl" in options ? { redisUrl: "redis://127.0.0.1:1" } : { databaseUrl: "postgres://127.0.0.1:1/x" };
    let isRefused = false;
    const worker = createDeliveryWorker({
      ...nowhere,
      concurrency: 1,
      process: async () => ({ outcome: "succeeded" }),
      onError: () => (isRefused = true),
    });
    await worker.start().catch(() => (isRefused = true));
    await waitFor(() => isRefused);
    const startedAt = performance.now();
    await worker.closeNow();
    expect(performance.now() - startedAt).toBeLessThan(CLOSE_MS_MAX);
  });
});

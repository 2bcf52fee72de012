import { randomUUID } from "node:crypto";
import { relayDeliveries } from "@homing/core/deliveries/relay";
import { createFairQueue } from "@homing/core/shares/fair-queue";
import { createDeliveryQueue, type DeliveryQueue, type NewJob } from "@homing/queue/queue";
import { createLogger } from "@homing/runtime/logger";
import { Redis } from "ioredis";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { atLeast } from "../goal.js";
import { type Bench, measure } from "../measure.js";
import { callOff, fill } from "./history.js";
import { createSpeedWorld, USUAL } from "./world.js";

const DELIVERIES = { quick: 10_000, long: 100_000 };
/** As the worker's relay does it: so many at once, in two lanes. */
const HANDED_OVER_AT_ONCE = 5_000;
const LANES = 2;

/** The queue was lost: how fast the relay brings everything back, against hints that are only added. */
export const HANDOVER_CASE: Case = { name: "handover", title: "after the loss of the queue", run: runHandover };

function runHandover({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const deliveries = isQuick ? DELIVERIES.quick : DELIVERIES.long;
  return measure({ backend, signal, isIsolating: true, workers: 0 }, async (bench) => {
    await createSpeedWorld(bench, USUAL);
    await fill(bench, { deliveries, state: "pending" });
    const { databaseUrl, redisUrl } = bench.installation;
    const queue = await createDeliveryQueue({
      databaseUrl,
      ...(redisUrl !== null && { redisUrl }),
      onError: (error) => bench.session.findings.push(error.message),
    });
    bench.session.onEnd(() => queue.close());
    // The first time is for warming up.
    await addBare(queue, deliveries);
    await lose(bench, queue);
    const added = await perSecond(deliveries, () => addBare(queue, deliveries));
    await lose(bench, queue);
    const handed = await perSecond(deliveries, () => handOver(bench, queue));
    if ((await hintsWaiting(queue)) !== deliveries) bench.session.findings.push("not everything was handed over");
    await lose(bench, queue);
    await callOff(bench);
    return {
      comparisons: [],
      goals: [atLeast("hand-over v. bare addBulk", handed / added, { need: 0.7, reach: 0.9 })],
      figures: { "handed over/s": handed, "only added/s": added },
    };
  });
}

/** Empties Redis as a loss does: taking 100,000 jobs out one by one would block it for longer than a command may take. */
async function lose({ installation: { redisUrl } }: Bench, queue: DeliveryQueue): Promise<void> {
  if (redisUrl === null) return queue.bullQueue.drain();
  const redis = new Redis(redisUrl);
  await redis.flushall();
  await redis.quit();
}

async function hintsWaiting({ bullQueue }: DeliveryQueue): Promise<number> {
  const jobs = await bullQueue.getJobs(["waiting", "prioritized"]);
  return jobs.reduce((sum, { data: { hints } }) => sum + hints.length, 0);
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - startedAtMs);
}

async function addBare({ enqueue }: DeliveryQueue, count: number): Promise<void> {
  const job = (): NewJob => ({
    hints: [{ deliveryId: randomUUID(), webhookId: randomUUID(), series: 1, number: 1 }],
    delayMs: 0,
  });
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= HANDED_OVER_AT_ONCE;
      await enqueue(Array.from({ length: HANDED_OVER_AT_ONCE }, job));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function handOver({ installation: { db } }: Bench, queue: DeliveryQueue): Promise<void> {
  const { enqueue } = createFairQueue({ ...queue, nowMs: () => performance.now() });
  const context = { db, log: createLogger({ service: "bench", level: "warn" }), enqueue };
  const lane = async (): Promise<void> => {
    let handedOver = 1;
    while (handedOver > 0) {
      ({ handedOver } = await relayDeliveries(context, { limit: HANDED_OVER_AT_ONCE, lostAgeMs: null }));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

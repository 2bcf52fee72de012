import { setTimeout as sleep } from "node:timers/promises";
import type { HammerResult } from "../hammer.js";
import type { Pids } from "../installation.js";
import type { Bench } from "../measure.js";
import { peakMemoryMib } from "../process-times.js";
import { sumOf, type Usage, usageOf, usagePerEvent } from "../usage.js";
import { countRows } from "./accounting.js";
import { queueBytes } from "./sizes.js";
import { saturate, type SpeedWorld } from "./world.js";

const WARM_UP_MS = 2_000;
const SETTLE_MS = 500;

/** A way to publish and deliver: Homing's, or the naive one. */
export interface Build {
  name: string;
  apiUrl: string;
  pids: Pids;
  /** Until then nothing is sent. @returns its process */
  startWorker(): Promise<number>;
}

export interface BuildFigures {
  publishPerSecond: number;
  /** Of a backlog. */
  deliverPerSecond: number;
  /** Published and delivered, over the whole time. */
  bothPerSecond: number;
  latencyMs: HammerResult["latencyMs"];
  /** Of the events that were acknowledged. */
  eventIds: string[];
  /** CPU, in microseconds for each event that was published and delivered at full load. */
  usage: Usage;
  usageTotal: number;
  /** Of one process each. */
  peakMib: { api: number; worker: number };
  /** Of Redis, for each delivery that was handed over; null: the queue is not there. */
  queueBytes: number | null;
}

/** Publishes alone, then delivers what waits, then both at once. */
export async function measureBuild(
  bench: Bench,
  world: SpeedWorld,
  { build, durationMs }: { build: Build; durationMs: number },
): Promise<BuildFigures> {
  const { name, apiUrl, pids } = build;
  const emptyQueue = await queueBytes(bench);
  const warmUp = await world.publish(`${name} warm-up`, WARM_UP_MS, apiUrl);
  const published = await world.publish(`${name} publish`, durationMs, apiUrl);
  // What was cut off at the end may still be committed.
  await sleep(SETTLE_MS);
  const { unfinished, queued } = await countRows(bench);
  const fullQueue = await queueBytes(bench);
  const draining = world.drain(unfinished);
  pids.worker.push(await build.startWorker());
  const backlog = await draining;

  const before = await usageOf(pids);
  const both = await saturate(bench, world, { name: `${name} both`, durationMs, url: apiUrl });
  const usage = usagePerEvent(before, await usageOf(pids), both.deliveries);
  return {
    publishPerSecond: published.accepted / published.seconds,
    deliverPerSecond: backlog.perSecond,
    bothPerSecond: both.perSecond,
    latencyMs: published.latencyMs,
    eventIds: [...warmUp.eventIds, ...published.eventIds, ...both.published.eventIds],
    usage,
    usageTotal: sumOf(usage),
    peakMib: { api: await peakOf(pids.api), worker: await peakOf(pids.worker) },
    queueBytes: fullQueue === null || emptyQueue === null ? null : (fullQueue - emptyQueue) / queued,
  };
}

async function peakOf(pids: readonly number[]): Promise<number> {
  return Math.max(...(await Promise.all(pids.map(peakMemoryMib))));
}

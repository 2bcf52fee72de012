import type { Pids } from "./installation.js";
import { cpuTimeMs } from "./process-times.js";

/** CPU of each kind of process, in milliseconds. */
export type Usage = Record<keyof Pids, number>;

export async function usageOf(pids: Pids): Promise<Usage> {
  return {
    api: await cpuTimeMs(pids.api),
    worker: await cpuTimeMs(pids.worker),
    postgres: await cpuTimeMs(pids.postgres),
    redis: await cpuTimeMs(pids.redis),
  };
}

/** Microseconds for each of so many events, by kind of process. */
export function usagePerEvent(before: Usage, after: Usage, events: number): Usage {
  const perEvent = (kind: keyof Usage): number => ((after[kind] - before[kind]) * 1_000) / events;
  return { api: perEvent("api"), worker: perEvent("worker"), postgres: perEvent("postgres"), redis: perEvent("redis") };
}

export function sumOf(usage: Usage): number {
  return usage.api + usage.worker + usage.postgres + usage.redis;
}

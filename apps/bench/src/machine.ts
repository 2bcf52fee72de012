import { cpus } from "node:os";

/** What all cores did since the machine's start, in milliseconds. */
export interface MachineTimes {
  busyMs: number;
  allMs: number;
}

export function machineTimes(): MachineTimes {
  const times = cpus().map(({ times: { idle, ...busy } }) => ({
    idle,
    busy: Object.values(busy).reduce((sum, ms) => sum + ms, 0),
  }));
  const busyMs = times.reduce((sum, { busy }) => sum + busy, 0);
  return { busyMs, allMs: busyMs + times.reduce((sum, { idle }) => sum + idle, 0) };
}

/** The part of the machine that was busy between two moments, from 0 to 1. */
export function busyShare(before: MachineTimes, after: MachineTimes): number {
  return (after.busyMs - before.busyMs) / (after.allMs - before.allMs);
}

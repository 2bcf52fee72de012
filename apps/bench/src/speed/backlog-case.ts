import { setTimeout as sleep } from "node:timers/promises";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { atMost } from "../goal.js";
import { measure } from "../measure.js";
import { peakMemoryMib } from "../process-times.js";
import { findRepeated } from "./accounting.js";
import { callOff, fill } from "./history.js";
import { queueBytes } from "./sizes.js";
import { AT_SPEED, createSpeedWorld, USUAL } from "./world.js";

const BACKLOG = { quick: 50_000, long: 1_000_000 };
const LOOK_PAUSE_MS = 1_000;
const MIB = 1_024 * 1_024;

/** A worker that comes back to many due deliveries: neither its memory nor Redis may grow with them. */
export const BACKLOG_CASE: Case = { name: "backlog", title: "draining a long backlog", isLong: true, run: runBacklog };

function runBacklog({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const watchMs = isQuick ? 20_000 : 120_000;
  const deliveries = isQuick ? BACKLOG.quick : BACKLOG.long;
  return measure({ backend, signal, ...AT_SPEED, workers: 0 }, async (bench) => {
    const world = await createSpeedWorld(bench, USUAL);
    await fill(bench, { deliveries, state: "pending" });
    const worker = await bench.installation.startWorker();
    const before = world.sink.counts().deliveries;
    let queueMax = 0;
    const beganMs = performance.now();
    while (performance.now() < beganMs + watchMs) {
      await sleep(LOOK_PAUSE_MS);
      queueMax = Math.max(queueMax, (await queueBytes(bench)) ?? 0);
    }
    const delivered = world.sink.counts().deliveries - before;
    const perSecond = (delivered * 1_000) / (performance.now() - beganMs);
    const peak = await peakMemoryMib(worker.pid);
    await worker.stop();
    findRepeated(bench, world.sink);
    await callOff(bench);
    return {
      comparisons: [],
      goals: [atMost(`worker, ${deliveries.toLocaleString("en")} due`, peak, { need: 300, reach: 200, unit: "MiB" })],
      figures: { "delivered/s": perSecond, "Redis at most MiB": queueMax / MIB },
    };
  });
}

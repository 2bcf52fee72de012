import { fileURLToPath } from "node:url";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { startFloors } from "../floors/floors-process.js";
import { atLeast, atMost, type Goal } from "../goal.js";
import { type Bench, measure } from "../measure.js";
import { cpuTimeMs } from "../process-times.js";
import type { Usage } from "../usage.js";
import { account } from "./accounting.js";
import { type Build, type BuildFigures, measureBuild } from "./build.js";
import { bytesPerDelivery, compact, sizeHistory } from "./sizes.js";
import { AT_SPEED, createSpeedWorld, type SpeedWorld, USUAL } from "./world.js";

const WARM_UP_MS = 2_000;
/** The goals of 700 and 400 µs are of a machine on which such a build takes 3,300. */
const NAIVE_CPU_RATIO = { need: 4.7, reach: 8.25 };
const FLOOR_COUNT = { quick: 4_000, long: 20_000 };
const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SCRIPTS = {
  express: script("../floors/express-main.js"),
  naiveApi: script("../naive/naive-api-main.js"),
  naiveWorker: script("../naive/naive-worker-main.js"),
};

/** The path of an event against a naive build of it and against what its parts can do alone, in one run. */
export const PATH_CASE: Case = { name: "path", title: "publish and deliver, against a naive build", run: runPath };

function runPath({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const durationMs = isQuick ? 2_500 : 20_000;
  return measure({ backend, signal, ...AT_SPEED, workers: 0 }, async (bench) => {
    const world = await createSpeedWorld(bench, USUAL);
    const floors = await measureFloors(bench, world, {
      durationMs,
      count: isQuick ? FLOOR_COUNT.quick : FLOOR_COUNT.long,
    });
    const naive =
      backend === "redis" ? await measureBuild(bench, world, { build: await naiveBuild(bench), durationMs }) : null;
    await compact(bench);
    const before = await sizeHistory(bench);
    const homing = await measureBuild(bench, world, { build: homingBuild(bench), durationMs });
    const eventIds = [...homing.eventIds, ...(naive?.eventIds ?? [])];
    await account(bench, world.sink, { eventIds, fanOut: USUAL.fanOut });
    const grown = await sizeHistory(bench);
    await compact(bench);
    const compacted = await sizeHistory(bench);
    return {
      comparisons: [],
      goals: goalsOf({ floors, naive, homing, bytesEach: bytesPerDelivery(before, compacted) }),
      figures: {
        "Postgres with what is dead, B a delivery": bytesPerDelivery(before, grown),
        ...floors,
        ...partsAlone(floors, homing),
        ...(naive !== null && figuresOf("naive ", naive)),
        ...figuresOf("", homing),
      },
    };
  });
}

async function measureFloors(
  { installation, session }: Bench,
  world: SpeedWorld,
  { durationMs, count }: { durationMs: number; count: number },
): Promise<Record<string, number>> {
  const noOp = await installation.startOther("no-op", SCRIPTS.express);
  // The first time is for warming up, as Homing has it, too.
  await world.publish("no-op warm-up", WARM_UP_MS, noOp.url);
  const express = await withCpu(noOp.program.pid, () => world.publish("no-op", durationMs, noOp.url));
  const { databaseUrl, redisUrl } = installation;
  const floors = startFloors({ databaseUrl, redisUrl: redisUrl ?? "" });
  session.onEnd(() => floors.stop());
  const got = await withCpu(floors.pid, () =>
    floors.measure({ kind: "requests", count, url: world.sink.url("floor") }),
  );
  const figures = {
    "no-op Express/s": express.result.accepted / express.result.seconds,
    "no-op Express, CPU µs": (express.cpuMs * 1_000) / express.result.accepted,
    "got alone/s": got.result,
    "got alone, CPU µs": (got.cpuMs * 1_000) / count,
    "bare inserts/s": await floors.measure({ kind: "inserts", count }),
  };
  return redisUrl === null ? figures : { ...figures, "bare jobs/s": await floors.measure({ kind: "jobs", count }) };
}

/** What work comes to, and the CPU that a process used for it, in milliseconds. */
async function withCpu<Result>(pid: number, work: () => Promise<Result>): Promise<{ result: Result; cpuMs: number }> {
  const beforeMs = await cpuTimeMs([pid]);
  const result = await work();
  return { result, cpuMs: (await cpuTimeMs([pid])) - beforeMs };
}

async function naiveBuild({ installation: { startOther, pids } }: Bench): Promise<Build> {
  const api = await startOther("naive-api", SCRIPTS.naiveApi);
  return {
    name: "naive",
    apiUrl: api.url,
    pids: { ...pids, api: [api.program.pid], worker: [] },
    startWorker: async () => (await startOther("naive-worker", SCRIPTS.naiveWorker)).program.pid,
  };
}

function homingBuild({ installation: { apiUrl, pids, startWorker } }: Bench): Build {
  return { name: "homing", apiUrl, pids: { ...pids, worker: [] }, startWorker: async () => (await startWorker()).pid };
}

function goalsOf(run: {
  floors: Record<string, number>;
  naive: BuildFigures | null;
  homing: BuildFigures;
  bytesEach: number;
}): Goal[] {
  const { floors, naive, homing, bytesEach } = run;
  const { "no-op Express/s": express = Number.NaN, "bare jobs/s": jobs } = floors;
  return [
    ...(naive === null
      ? []
      : [
          atLeast("publish v. naive", homing.publishPerSecond / naive.publishPerSecond, { need: 6, reach: 8 }),
          atLeast("delivery v. naive", homing.deliverPerSecond / naive.deliverPerSecond, { need: 4, reach: 8 }),
        ]),
    atLeast("publish v. no-op Express", homing.publishPerSecond / express, { need: 0.35, reach: 0.5 }),
    ...(jobs === undefined
      ? []
      : [atLeast("delivery v. bare BullMQ jobs", homing.deliverPerSecond / jobs, { need: 0.2, reach: 0.35 })]),
    atMost("CPU per event, all servers", homing.usageTotal, { need: 700, reach: 400, unit: "µs" }),
    ...(naive === null ? [] : [atLeast("naive CPU v. that", naive.usageTotal / homing.usageTotal, NAIVE_CPU_RATIO)]),
    ...(homing.queueBytes === null
      ? []
      : [atMost("Redis per queued delivery", homing.queueBytes, { need: 1_024, reach: 820, unit: "B" })]),
    atMost("Postgres per finished delivery", bytesEach, { need: 512, reach: 410, unit: "B" }),
  ];
}

/** What got and BullMQ leave: a request and a bare job, one after the other, and how much of it a delivery comes to. */
function partsAlone(
  { "got alone/s": got, "bare jobs/s": jobs }: Record<string, number>,
  { deliverPerSecond }: BuildFigures,
): Record<string, number> {
  if (got === undefined || jobs === undefined) return {};
  const perSecond = 1 / (1 / got + 1 / jobs);
  return {
    "got and a bare job, one after the other/s": perSecond,
    "of bare jobs %": (100 * perSecond) / jobs,
    "a delivery, of that %": (100 * deliverPerSecond) / perSecond,
  };
}

function figuresOf(prefix: string, figures: BuildFigures): Record<string, number> {
  const { publishPerSecond, deliverPerSecond, bothPerSecond, latencyMs, usage, usageTotal, peakMib } = figures;
  const named = {
    "publish/s": publishPerSecond,
    "deliver/s": deliverPerSecond,
    "both/s": bothPerSecond,
    "publish p50 ms": latencyMs.p50,
    "p99 ms": latencyMs.p99,
    "CPU µs": usageTotal,
    ...usageFigures(usage),
    "API peak MiB": peakMib.api,
    "worker peak MiB": peakMib.worker,
  };
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [prefix + name, value]));
}

function usageFigures(usage: Usage): Record<string, number> {
  return Object.fromEntries(Object.entries(usage).map(([kind, value]) => [`of ${kind} µs`, value]));
}

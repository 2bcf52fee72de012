import { fileURLToPath } from "node:url";
import { numbered, typeOf } from "../api-client.js";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { atMost } from "../goal.js";
import type { Stream } from "../load.js";
import { type Bench, measure } from "../measure.js";
import { firstOfEach } from "../session.js";
import { cpuTimeMs } from "../process-times.js";
import { sumOf, usageOf, usagePerEvent } from "../usage.js";
import { account } from "./accounting.js";
import { AT_SPEED, createSpeedWorld, saturate, type SpeedWorld, USUAL } from "./world.js";

const NO_OP = fileURLToPath(new URL("../floors/express-main.js", import.meta.url));
const WEBHOOKS = 20;
const TENTH = 0.1;
const HALF = 0.5;
/** Of a process that has served a while at this pace: what V8 optimised for batches is for batches. */
const WARM_UP_MS = { quick: 800, long: 45_000 };

/** From the publish to the receiver, at a tenth and at a half of what the installation can take. */
export const LATENCY_CASE: Case = { name: "latency", title: "publish to receive below saturation", run: runLatency };

function runLatency({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const durationMs = isQuick ? 3_000 : 30_000;
  return measure({ backend, signal, ...AT_SPEED, workers: 1 }, async (bench) => {
    const { installation, session, api } = bench;
    const world = await createSpeedWorld(bench, USUAL);
    // The first time is for warming up.
    const warmUp = await saturate(bench, world, { name: "warm-up", durationMs });
    const saturation = await saturate(bench, world, { name: "saturation", durationMs });
    const eventIds = [...warmUp.published.eventIds, ...saturation.published.eventIds];
    await account(bench, world.sink, { eventIds, fanOut: USUAL.fanOut });
    const { perSecond } = saturation;
    const names = numbered("paced", WEBHOOKS);
    await api.makeWebhooks(names, (name) => ({ url: installation.sink.url("well", name) }));
    const stream = (share: number): Stream => ({
      name: "paced",
      key: installation.key,
      types: names.map(typeOf),
      perSecond: perSecond * share,
    });
    // These webhooks, their receivers and the load generator's pace are met for the first time.
    const start = await session.run("paced warm-up", [stream(TENTH)], {
      durationMs: isQuick ? WARM_UP_MS.quick : WARM_UP_MS.long,
    });
    const before = await usageOf(installation.pids);
    const tenth = await session.run("a tenth", [stream(TENTH)], { durationMs });
    const usage = usagePerEvent(before, await usageOf(installation.pids), tenth.arrivals("paced").length);
    const half = await session.run("half", [stream(HALF)], { durationMs });
    await session.drain([start, tenth, half], ["paced"]);
    const noOp = await measureNoOp(bench, world, { stream: stream(TENTH), durationMs });
    for (const phase of [start, tenth, half]) {
      const received = phase.arrivals("paced");
      const repeated = received.length - firstOfEach(received).length;
      if (repeated > 0) session.findings.push(`${phase.name}: ${repeated} deliveries came twice`);
    }
    const [low, middle] = [tenth.latency("paced"), half.latency("paced")];
    return {
      comparisons: [],
      goals: [
        atMost("p50 at a tenth", low.p50Ms, { need: 10, reach: 5, unit: "ms" }),
        atMost("p99 at a tenth", low.p99Ms, { need: 50, reach: 50, unit: "ms" }),
        atMost("p99 at a half", middle.p99Ms, { need: 150, reach: 60, unit: "ms" }),
      ],
      figures: {
        "saturation/s": perSecond,
        "p95 at a tenth ms": low.p95Ms,
        "CPU µs an event at a tenth": sumOf(usage),
        ...Object.fromEntries(Object.entries(usage).map(([kind, micros]) => [`of ${kind} µs`, micros])),
        "CPU µs of a no-op Express handler at a tenth": noOp.pacedMicros,
        "at its saturation": noOp.saturatedMicros,
        "p50 at a half ms": middle.p50Ms,
        "p95 at a half ms": middle.p95Ms,
        "machine busy at a tenth %": tenth.busy * 100,
        "at a half %": half.busy * 100,
      },
    };
  });
}

/** What a request to a handler that does nothing costs, alone and in a crowd: below saturation a process sleeps and wakes for each. */
async function measureNoOp(
  { installation, session }: Bench,
  world: SpeedWorld,
  { stream, durationMs }: { stream: Stream; durationMs: number },
): Promise<{ saturatedMicros: number; pacedMicros: number }> {
  const { program, url } = await installation.startOther("no-op", NO_OP);
  const microsEach = async (run: () => Promise<number>): Promise<number> => {
    const beforeMs = await cpuTimeMs([program.pid]);
    const requests = await run();
    return (((await cpuTimeMs([program.pid])) - beforeMs) * 1_000) / requests;
  };
  await world.publish("no-op warm-up", durationMs / 8, url);
  const saturatedMicros = await microsEach(async () => (await world.publish("no-op", durationMs / 8, url)).accepted);
  const pacedMicros = await microsEach(async () => {
    const { streams } = await session.run("no-op at a tenth", [stream], { durationMs: durationMs / 2, url });
    return streams.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
  });
  return { saturatedMicros, pacedMicros };
}

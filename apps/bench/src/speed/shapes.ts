import type { Case, CaseOptions, CaseResult } from "../case.js";
import { measure } from "../measure.js";
import { sumOf, usageOf, usagePerEvent } from "../usage.js";
import { account } from "./accounting.js";
import { AT_SPEED, createSpeedWorld, saturate, type Shape, USUAL } from "./world.js";

const KIB = 1_024;

const SHAPES: Record<string, Partial<Shape>> = {
  usual: {},
  "fan-out 5": { fanOut: 5 },
  "fan-out 100": { fanOut: 100 },
  "20 KiB": { payloadBytes: 20 * KIB },
  "250 KiB": { payloadBytes: 250 * KIB },
  "50 ms receivers": { answerMs: 50 },
  "TLS receivers": { isTls: true },
  "10,000 webhooks": { webhooks: 10_000 },
  "batches of 100": { batch: 100 },
};

/** The same path for other events and webhooks than the usual ones, each on an installation of its own. */
export const SHAPES_CASE: Case = {
  name: "shapes",
  title: "fan-out, sizes, receivers, batches",
  isLong: true,
  run: runShapes,
};

async function runShapes(options: CaseOptions): Promise<CaseResult> {
  const figures: Record<string, number> = {};
  const findings: string[] = [];
  for (const [name, differing] of Object.entries(SHAPES)) {
    const result = await runShape(name, { ...USUAL, ...differing }, options);
    Object.assign(figures, result.figures);
    findings.push(...result.findings);
  }
  return { comparisons: [], goals: [], figures, findings };
}

function runShape(name: string, shape: Shape, { backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const durationMs = isQuick ? 4_000 : 15_000;
  return measure({ backend, signal, ...AT_SPEED, workers: 1 }, async (bench) => {
    const world = await createSpeedWorld(bench, shape);
    const { pids } = bench.installation;
    const warmUp = await saturate(bench, world, { name: "warm-up", durationMs: durationMs / 2 });
    const before = await usageOf(pids);
    const run = await saturate(bench, world, { name: "run", durationMs });
    const usage = usagePerEvent(before, await usageOf(pids), run.deliveries);
    const eventIds = [...warmUp.published.eventIds, ...run.published.eventIds];
    await account(bench, world.sink, { eventIds, fanOut: shape.fanOut });
    return {
      comparisons: [],
      goals: [],
      figures: {
        [`${name}: accepted/s`]: (run.published.accepted * shape.batch) / run.published.seconds,
        [`${name}: delivered/s`]: run.perSecond,
        [`${name}: CPU µs a delivery`]: sumOf(usage),
        [`${name}: put off`]: run.published.putOff,
      },
    };
  });
}

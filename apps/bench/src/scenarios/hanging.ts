import { numbered, typeOf } from "../api-client.js";
import { type Case, compare, type CaseOptions, type CaseResult } from "../case.js";
import type { Stream } from "../load.js";
import { measure } from "../measure.js";
import { busyFigures } from "../session.js";

const WARM_UP_MS = 8_000;
/** Events that go to webhooks that are well, in all phases. */
const WELL_PER_SECOND = 20;
const RATIO_MAX = 2;

interface Hanging {
  name: string;
  title: string;
  well: number;
  hanging: number;
  /** Events for those that hang, beside the others. */
  hangingPerSecond: number;
  isIsolating: boolean;
}

// The share of all traffic, not of the healthy part.
const FIVE_PERCENT = (WELL_PER_SECOND * 5) / 95;

const HANGING: readonly Hanging[] = [
  {
    name: "a",
    title: "5 % to one that hangs",
    well: 20,
    hanging: 1,
    hangingPerSecond: FIVE_PERCENT,
    isIsolating: true,
  },
  {
    name: "b",
    title: "50 % to one that hangs",
    well: 20,
    hanging: 1,
    hangingPerSecond: WELL_PER_SECOND,
    isIsolating: true,
  },
  {
    name: "c",
    title: "1,000 of 1,100 hang",
    well: 100,
    hanging: 1_000,
    hangingPerSecond: WELL_PER_SECOND,
    isIsolating: true,
  },
  {
    name: "db",
    title: "as b, isolation off",
    well: 20,
    hanging: 1,
    hangingPerSecond: WELL_PER_SECOND,
    isIsolating: false,
  },
  {
    name: "dc",
    title: "as c, isolation off",
    well: 100,
    hanging: 1_000,
    hangingPerSecond: WELL_PER_SECOND,
    isIsolating: false,
  },
];

/** Endpoints that hang until their deadline of 15 s, and what they cost those that are well. */
export const HANGING_CASES: readonly Case[] = HANGING.map((hanging) => ({
  name: hanging.name,
  title: hanging.title,
  run: (options) => runHanging(hanging, options),
}));

function runHanging(hanging: Hanging, { backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const baseMs = isQuick ? 10_000 : 30_000;
  // Time for the first deadlines to pass.
  const withMs = isQuick ? 20_000 : 45_000;
  return measure(
    { backend, signal, isIsolating: hanging.isIsolating },
    async ({ installation: { sink, key }, session, api }) => {
      const well = numbered("well", hanging.well);
      const bad = numbered("hanging", hanging.hanging);
      await api.makeWebhooks(well, (name) => ({ url: sink.url("well", name) }));
      await api.makeWebhooks(bad, (name) => ({ url: sink.url("hangs", name) }));
      const streamWell: Stream = { name: "well", key, types: well.map(typeOf), perSecond: WELL_PER_SECOND };
      const streamBad: Stream = { name: "hanging", key, types: bad.map(typeOf), perSecond: hanging.hangingPerSecond };
      await session.run("warm-up", [streamWell], { durationMs: WARM_UP_MS });
      const base = await session.run("base", [streamWell], { durationMs: baseMs });
      const harmed = await session.run("with", [streamWell, streamBad], { durationMs: withMs });
      // Without isolation the others wait for deadlines, and would for minutes.
      if (!hanging.isIsolating) sink.heal();
      await session.drain([base, harmed], ["well"]);
      const latencies = { base: base.latency("well"), with: harmed.latency("well") };
      const target = hanging.isIsolating ? { ratioMax: RATIO_MAX } : { ratioMin: RATIO_MAX };
      return {
        comparisons: [compare("webhooks that are well", { ...latencies, target })],
        goals: [],
        figures: { "requests left hanging": harmed.arrivals("hanging").length, ...busyFigures(base, harmed) },
      };
    },
  );
}

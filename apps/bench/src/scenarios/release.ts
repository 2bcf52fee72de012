import { numbered, typeOf } from "../api-client.js";
import { type Case, compare, type CaseOptions, type CaseResult } from "../case.js";
import type { Arrival } from "../arrival.js";
import type { Stream } from "../load.js";
import { measure } from "../measure.js";
import { countOutOfOrder, disorderOf } from "../order.js";
import { busyFigures, firstOfEach, waitForArrivals } from "../session.js";

const WARM_UP_MS = 8_000;
const WELL_WEBHOOKS = 20;
const WELL_PER_SECOND = 20;
/** New events for the webhooks of which deliveries are released. */
const SAME_PER_SECOND = 5;
const RATIO_MAX = 2;
const HELD_PHASE = "held";

/** Many held deliveries of one webhook, and some of one with strict order, are released while new events come. */
export const RELEASE_CASE: Case = { name: "f", title: "held deliveries released", run: runRelease };

function runRelease({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const held = isQuick ? { any: 2_000, ordered: 200 } : { any: 10_000, ordered: 1_000 };
  // Its pace depends on how busy the machine is: late is a figure, what never comes is a finding.
  const releaseMsMax = isQuick ? 300_000 : 1_800_000;
  const baseMs = isQuick ? 10_000 : 30_000;
  return measure({ backend, signal, isIsolating: true }, async ({ installation: { sink, key }, session, api }) => {
    const well = numbered("well", WELL_WEBHOOKS);
    await api.makeWebhooks(well, (name) => ({ url: sink.url("well", name) }));
    const anyId = await api.makeWebhook("any", { url: sink.url("well", "any") });
    const orderedId = await api.makeWebhook("ordered", { url: sink.url("well", "ordered"), ordering: "event" });
    const streams: Stream[] = [
      { name: "well", key, types: well.map(typeOf), perSecond: WELL_PER_SECOND },
      { name: "any", key, types: [typeOf("any")], perSecond: SAME_PER_SECOND },
    ];
    await session.run("warm-up", streams, { durationMs: WARM_UP_MS });
    const base = await session.run("base", streams, { durationMs: baseMs });
    await session.drain([base], ["well", "any"]);

    for (const id of [anyId, orderedId]) await api.change(id, "disable");
    await api.publishMany({ phase: HELD_PHASE, stream: "any", type: typeOf("any"), count: held.any });
    await api.publishMany({ phase: HELD_PHASE, stream: "ordered", type: typeOf("ordered"), count: held.ordered });
    const released = (stream: string) => (): Arrival[] =>
      sink.arrivals.filter((arrival) => arrival.phase === HELD_PHASE && arrival.stream === stream);
    const enabledAtMs = performance.timeOrigin + performance.now();
    for (const id of [anyId, orderedId]) await api.change(id, "enable");
    const drained = Promise.all([
      waitForArrivals(released("any"), { count: held.any, timeoutMs: releaseMsMax }),
      waitForArrivals(released("ordered"), { count: held.ordered, timeoutMs: releaseMsMax }),
    ]).catch((error: unknown) => void session.findings.push(`release: ${String(error)}`));
    const during = await session.run("with", streams, { durationMs: releaseMsMax, orUntil: drained });
    await drained;
    await session.drain([during], ["well", "any"]);

    const outOfOrder = countOutOfOrder(released("ordered")());
    if (outOfOrder > 0) session.findings.push(`release: ${outOfOrder} requests of the ordered webhook out of order`);
    const disorder = disorderOf(firstOfEach(released("any")()).map(({ number }) => number));
    return {
      comparisons: [
        compare("other webhooks", {
          base: base.latency("well"),
          with: during.latency("well"),
          target: { ratioMax: RATIO_MAX },
        }),
        compare("the same webhook", {
          base: base.latency("any"),
          with: during.latency("any"),
          target: { ratioMax: RATIO_MAX },
        }),
      ],
      goals: [],
      figures: {
        released: held.any,
        "released/s": ratePerSecond(released("any")(), enabledAtMs),
        "came late": disorder.late,
        "overtaken by at most": disorder.overtakenMax,
        "released in strict order": held.ordered,
        "in strict order/s": ratePerSecond(released("ordered")(), enabledAtMs),
        ...busyFigures(base, during),
      },
    };
  });
}

function ratePerSecond(arrivals: readonly Arrival[], sinceMs: number): number {
  const lastMs = arrivals.at(-1)?.receivedAtMs ?? Number.NaN;
  return Math.round((arrivals.length * 1_000) / (lastMs - sinceMs));
}

import { numbered, typeOf } from "../api-client.js";
import { type Case, compare, type CaseOptions, type CaseResult } from "../case.js";
import type { Stream } from "../load.js";
import { measure } from "../measure.js";
import { countOutOfOrder } from "../order.js";
import { busyFigures, type Phase } from "../session.js";

const WARM_UP_MS = 8_000;
const WELL_WEBHOOKS = 20;
const WELL_PER_SECOND = 20;
const RATIO_MAX = 2;
/** Every tenth fails once and is tried again after a second, so not many more than this can be delivered in order. */
const ORDERED_PER_SECOND = 3;
const RETRIES_SECONDS = [1, 1, 1, 1, 1];

/** A webhook that gets its events strictly in order, and fails now and then, beside others. */
export const ORDERED_CASE: Case = { name: "g", title: "one webhook in strict order, failing", run: runOrdered };

function runOrdered({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const baseMs = isQuick ? 10_000 : 30_000;
  const withMs = isQuick ? 15_000 : 30_000;
  return measure({ backend, signal, isIsolating: true }, async ({ installation: { sink, key }, session, api }) => {
    const well = numbered("well", WELL_WEBHOOKS);
    await api.makeWebhooks(well, (name) => ({ url: sink.url("well", name) }));
    await api.makeWebhook("ordered", {
      url: sink.url("fails", "ordered"),
      ordering: "event",
      retry_policy: { delays_seconds: RETRIES_SECONDS, jitter: 0 },
    });
    const streamWell: Stream = { name: "well", key, types: well.map(typeOf), perSecond: WELL_PER_SECOND };
    const streamOrdered: Stream = {
      name: "ordered",
      key,
      types: [typeOf("ordered")],
      perSecond: ORDERED_PER_SECOND,
      isSequential: true,
    };
    await session.run("warm-up", [streamWell], { durationMs: WARM_UP_MS });
    const base = await session.run("base", [streamWell], { durationMs: baseMs });
    const beside = await session.run("with", [streamWell, streamOrdered], { durationMs: withMs });
    await session.drain([base, beside], ["well", "ordered"]);
    const arrivals = beside.arrivals("ordered");
    const outOfOrder = countOutOfOrder(arrivals);
    if (outOfOrder > 0) session.findings.push(`order: ${outOfOrder} requests came before an earlier event's success`);
    const latencies = { base: base.latency("well"), with: beside.latency("well") };
    return {
      comparisons: [compare("the other webhooks", { ...latencies, target: { ratioMax: RATIO_MAX } })],
      goals: [],
      figures: {
        "events in order": new Set(arrivals.map(({ number }) => number)).size,
        "of these failed once": arrivals.filter(({ status }) => status !== 200).length,
        "out of order": outOfOrder,
        "others/s, base": deliveredPerSecond(base),
        "others/s, with": deliveredPerSecond(beside),
        "p50 of the ordered one, ms": Math.round(beside.latency("ordered").p50Ms),
        "p99 of the ordered one, ms": Math.round(beside.latency("ordered").p99Ms),
        ...busyFigures(base, beside),
      },
    };
  });
}

function deliveredPerSecond(phase: Phase): number {
  const arrivals = phase.arrivals("well");
  const spanMs = (arrivals.at(-1)?.receivedAtMs ?? Number.NaN) - (arrivals[0]?.receivedAtMs ?? Number.NaN);
  return Math.round((arrivals.length * 1_000) / spanMs);
}

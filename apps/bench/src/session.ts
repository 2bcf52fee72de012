import { setTimeout as sleep } from "node:timers/promises";
import { auditDeliveries } from "@homing/core/audit/audit-deliveries";
import { waitFor } from "@homing/local/wait-for";
import type { Arrival } from "./arrival.js";
import type { Installation, Undo } from "./installation.js";
import { type Latency, latencyOf } from "./latency.js";
import type { Stream, StreamResult } from "./load.js";
import { busyShare, machineTimes } from "./machine.js";

const DRAIN_MS_MAX = 150_000;
const DRAIN_POLL_MS = 200;

/** What was published in one phase, and what came of it so far. */
export interface Phase {
  name: string;
  /** What the load came to; empty until it ended. */
  streams: StreamResult[];
  /** The part of the machine that was busy meanwhile, from 0 to 1: near 1 latencies show the machine's queue. */
  busy: number;
  /** Arrivals of one stream of this phase. */
  arrivals(stream: string): Arrival[];
  latency(...streams: string[]): Latency;
}

/** One installation being measured. */
export interface Session {
  /** Publishes for so long, or until the promise settles, to the API unless told. */
  run(
    name: string,
    streams: readonly Stream[],
    until: { durationMs: number; orUntil?: Promise<unknown>; url?: string },
  ): Promise<Phase>;
  /** Waits until every acknowledged event of these streams has been received with 2xx; what never is, is a finding. */
  drain(phases: readonly Phase[], streams: readonly string[]): Promise<void>;
  /** Anything lost, stuck or out of order, refused or ended by itself. */
  findings: string[];
  /** Also to be ended with the installation. */
  onEnd(step: () => Promise<unknown>): void;
  /** Checks in the database that nothing is stuck or contradicts itself. */
  audit(): Promise<void>;
}

export function createSession({ apiUrl, load, sink, db }: Installation, undo: Undo): Session {
  const findings: string[] = [];

  function createPhase(name: string): Phase {
    const arrivals = (stream: string): Arrival[] =>
      sink.arrivals.filter((arrival) => arrival.phase === name && arrival.stream === stream);
    return {
      name,
      streams: [],
      busy: Number.NaN,
      arrivals,
      latency: (...streams) => latencyOf(streams.flatMap((stream) => firstOfEach(arrivals(stream)).map(latencyMs))),
    };
  }

  return {
    findings,
    onEnd: (step) => void undo.push(step),
    async run(name, streams, { durationMs, orUntil, url = apiUrl }) {
      const before = machineTimes();
      const running = load.start({ phase: name, url, streams, durationMs });
      // Whoever gave it hears of its failure.
      orUntil?.finally(() => running.stop()).catch(() => undefined);
      const phase = createPhase(name);
      phase.streams.push(...(await running.ended));
      phase.busy = busyShare(before, machineTimes());
      for (const { name: stream, refused, refusals } of phase.streams) {
        if (refused > 0) findings.push(`${name}: ${refused} publishes of ${stream} were refused: ${refusals[0]}`);
      }
      return phase;
    },
    async drain(phases, streams) {
      const deadline = performance.now() + DRAIN_MS_MAX;
      let missing = countMissing(phases, streams);
      while (missing.length > 0 && performance.now() < deadline) {
        await sleep(DRAIN_POLL_MS);
        missing = countMissing(phases, streams);
      }
      findings.push(...missing);
    },
    async audit() {
      const results = await auditDeliveries({ db });
      for (const { invariant, findings: count } of results)
        if (count > 0) findings.push(`audit: ${invariant}: ${count}`);
    },
  };
}

function countMissing(phases: readonly Phase[], streams: readonly string[]): string[] {
  return phases.flatMap((phase) =>
    phase.streams.flatMap(({ name, acknowledged }) => {
      if (!streams.includes(name)) return [];
      const received = new Set(phase.arrivals(name).flatMap(({ number, status }) => (status === 200 ? number : [])));
      const lost = acknowledged.filter((number) => !received.has(number)).length;
      return lost > 0 ? [`${phase.name}: ${lost} of ${acknowledged.length} events of ${name} were not received`] : [];
    }),
  );
}

/** The first arrival of each event. */
export function firstOfEach(arrivals: readonly Arrival[]): Arrival[] {
  const first = new Map<number, Arrival>();
  for (const arrival of arrivals) if (!first.has(arrival.number)) first.set(arrival.number, arrival);
  return [...first.values()];
}

/** How busy the machine was, in per cent, for a report. */
export function busyFigures(base: Phase, harmed: Phase): Record<string, number> {
  return { "machine busy, base %": base.busy * 100, "with %": harmed.busy * 100 };
}

/** From when it was to be published. */
function latencyMs({ receivedAtMs, dueAtMs }: Arrival): number {
  return receivedAtMs - dueAtMs;
}

/** Waits until so many events of a stream were received. */
export async function waitForArrivals(
  arrivals: () => readonly Arrival[],
  { count, timeoutMs }: { count: number; timeoutMs: number },
): Promise<void> {
  await waitFor(() => firstOfEach(arrivals()).length >= count, { what: `${count} arrivals`, timeoutMs });
}

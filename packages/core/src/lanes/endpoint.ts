import type { Seat } from "./admission.js";

const WINDOW_START = 2;
/** An answer that takes longer, or one that has been awaited for longer, is a slow one. */
export const SLOW_MS = 1_000;
const FAILURES_IN_A_ROW_MAX = 3;

/** `fast`: it answered well. `unproven`: nothing is known of it. `slow`: slow, or failing. */
export type Lane = "fast" | "unproven" | "slow";

/** How a request ended: `overloaded` is a time-out or an answer that asks for less. */
export type SeatEnd = "succeeded" | "failed" | "overloaded";

/** What a worker process is told of a webhook that it does not know yet. */
export interface Acquaintance {
  /** Whose it is; null: there is no such webhook. */
  organizationId: string | null;
  /** It answered others well: it begins in the fast lane. */
  isProven: boolean;
  /** Most requests at once. */
  inFlightMax: number;
}

/** What one worker process knows of a webhook's endpoint. */
export interface Endpoint {
  readonly organizationId: string | null;
  lane(): Lane;
  /** Requests to it at once, as of now. */
  window(): number;
  inFlight(): number;
  /** Those of them that have one of the worker's slots. */
  inSlots(): number;
  allow(max: number): void;
  /** @returns the request's place among those under way */
  begin(startedAtMs: number): symbol;
  /** The request goes on without a slot. */
  standAside(place: symbol): void;
  /** @returns what it had until now; null: it was not under way */
  end(place: symbol): "slot" | "aside" | null;
  learn(end: SeatEnd, durationMs: number): void;
  /** Notices a request that has been under way for too long. */
  notice(nowMs: number): void;
  /** First come, first served. */
  readonly waiting: ((seat: Seat | null) => void)[];
}

export function createEndpoint({ organizationId, isProven, inFlightMax }: Acquaintance): Endpoint {
  // In the order of their start: the first is the oldest.
  const underWay = new Map<symbol, number>();
  const aside = new Set<symbol>();
  let lane: Lane = isProven ? "fast" : "unproven";
  let windowMax = inFlightMax;
  let window = Math.min(WINDOW_START, windowMax);
  let failuresInARow = 0;

  function laneAfter(end: SeatEnd, durationMs: number): Lane {
    if (durationMs > SLOW_MS || end === "overloaded") return "slow";
    if (end === "succeeded") return "fast";
    return failuresInARow >= FAILURES_IN_A_ROW_MAX ? "slow" : lane;
  }

  return {
    organizationId,
    lane: () => lane,
    window: () => window,
    inFlight: () => underWay.size,
    inSlots: () => underWay.size - aside.size,
    allow(max) {
      windowMax = max;
      window = Math.min(window, windowMax);
    },
    begin(startedAtMs) {
      const place = Symbol("request");
      underWay.set(place, startedAtMs);
      return place;
    },
    standAside: (place) => aside.add(place),
    end(place) {
      if (!underWay.delete(place)) return null;
      return aside.delete(place) ? "aside" : "slot";
    },
    learn(end, durationMs) {
      failuresInARow = end === "succeeded" ? 0 : failuresInARow + 1;
      if (end === "succeeded") window = Math.min(window + 1, windowMax);
      if (end === "overloaded") window = Math.max(1, Math.floor(window / 2));
      lane = laneAfter(end, durationMs);
    },
    notice(nowMs) {
      const [oldestAtMs] = underWay.values();
      if (oldestAtMs !== undefined && nowMs - oldestAtMs > SLOW_MS) lane = "slow";
    },
    waiting: [],
  };
}

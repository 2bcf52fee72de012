import type { Lane } from "./endpoint.js";

/** The part of a worker that endpoints may take together that have not answered well yet, or not lately. */
const SHARED_PART = 1 / 2;
/** The part of it for endpoints that are known to be slow or failing. */
const SLOW_PART = 1 / 4;

/** How the requests in one worker process' slots are spread over the lanes. */
export interface Slots {
  /** Whether a lane may have one more. */
  hasFree(lane: Lane): boolean;
  /** Of the shared part; none when more endpoints turned slow than it has room for. */
  freeShared(): number;
  take(lane: Lane): void;
  giveBack(lane: Lane): void;
  /** An endpoint changed its lane, and its requests under way with it. */
  move(requests: number, lanes: { from: Lane; to: Lane }): void;
}

/** @param count requests that the process makes at once, beside those that stand aside; the queue's consumer bounds them, so the fast lane needs no bound here */
export function createSlots(count: number): Slots {
  const slowMax = Math.max(1, Math.floor(count * SLOW_PART));
  const sharedMax = Math.max(1, Math.floor(count * SHARED_PART));
  const taken: Record<Lane, number> = { fast: 0, unproven: 0, slow: 0 };
  return {
    hasFree(lane) {
      const isSharedFree = taken.unproven + taken.slow < sharedMax;
      switch (lane) {
        case "fast":
          return true;
        case "unproven":
          return isSharedFree;
        case "slow":
          return isSharedFree && taken.slow < slowMax;
        default:
          return lane satisfies never;
      }
    },
    freeShared: () => Math.max(0, sharedMax - taken.unproven - taken.slow),
    take(lane) {
      taken[lane] += 1;
    },
    giveBack(lane) {
      taken[lane] -= 1;
    },
    move(requests, { from, to }) {
      taken[from] -= requests;
      taken[to] += requests;
    },
  };
}

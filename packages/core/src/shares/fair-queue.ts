import type { Hint, LeftHint } from "../context.js";
import { createDepthGauge, type QueueDepth } from "./depth-gauge.js";
import { createShares } from "./shares.js";

/** With so many jobs waiting, more hints would only fill the queue's memory (0.7 to 1.1 KiB each): the rest waits in Postgres. */
export const DEPTH_MAX = 20_000;
/** Those within their organization's share go on for so long: few, unless organizations are very many. */
const DEPTH_WITHIN_SHARES_MAX = 2 * DEPTH_MAX;
const DELAYED_MAX = 20_000;
const UNDER_WAY_MAX = 20_000;

/** A hint as the queue takes it. */
export interface PlacedHint extends Omit<Hint, "organizationId"> {
  /** 0: at once; others after those with less. */
  priority: number;
}

/** Who hands nothing over at this moment: what is published for it waits in Postgres, in the backlog. */
export interface Backlog {
  /** 0: hand over; from 1: join the backlog, behind those with less. */
  placeOf(organizationId: string): number;
  /** Counts deliveries that joined the backlog. */
  join(organizationId: string, deliveries: number): void;
}

export interface FairQueue extends Backlog {
  /**
   * Hands hints to the queue as far as it has room; those within their organization's share come first.
   * @returns those that were left
   * @throws when the queue cannot be reached
   */
  enqueue: (hints: readonly Hint[]) => Promise<LeftHint[]>;
  /** The organizations that are beyond their share. */
  crowd: () => string[];
}

/**
 * The queue, shared fairly: each organization has a share in each process, and what goes beyond it gives way to others as soon as
 * jobs wait at all, and is left in Postgres when the queue is full.
 */
export function createFairQueue(options: {
  enqueue: (hints: readonly PlacedHint[]) => Promise<void>;
  depth: () => Promise<QueueDepth>;
  nowMs: () => number;
}): FairQueue {
  const shares = createShares(options);
  const gauge = createDepthGauge(options);
  let underWay = 0;

  function hasRoom({ delayMs, isPulled, isTakenOver }: Hint, priority: number): boolean {
    const { waiting, delayed } = gauge.read();
    // A line's pulls are no more than its webhook takes at once, and leases that ran out no more than there were workers for.
    if (isPulled === true || isTakenOver === true) return true;
    if (delayMs > 0) return delayed < DELAYED_MAX;
    return underWay < UNDER_WAY_MAX && waiting < (priority === 0 ? DEPTH_WITHIN_SHARES_MAX : DEPTH_MAX);
  }

  function place(hint: Hint, priority: number): PlacedHint {
    const { organizationId: _, ...job } = hint;
    gauge.add(hint.delayMs > 0 ? { waiting: 0, delayed: 1 } : { waiting: 1, delayed: 0 });
    return { ...job, priority };
  }

  return {
    async enqueue(hints) {
      const placed: PlacedHint[] = [];
      const left: LeftHint[] = [];
      for (const hint of hints) {
        const priority = shares.take(hint.organizationId);
        if (hasRoom(hint, priority)) placed.push(place(hint, priority));
        else left.push({ ...hint, priority: Math.max(1, priority) });
      }
      underWay += placed.length;
      try {
        if (placed.length > 0) await options.enqueue(placed);
      } finally {
        underWay -= placed.length;
      }
      return left;
    },
    placeOf(organizationId) {
      const priority = shares.priorityOf(organizationId);
      const { waiting } = gauge.read();
      if (underWay >= UNDER_WAY_MAX) return Math.max(1, priority);
      return waiting >= DEPTH_MAX ? priority : 0;
    },
    join(organizationId, deliveries) {
      for (let count = 0; count < deliveries; count++) shares.take(organizationId);
    },
    crowd: () => shares.indebted(),
  };
}

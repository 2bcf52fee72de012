import type { Hint, LeftHint } from "../context.js";
import { createDepthGauge, type QueueDepth } from "./depth-gauge.js";
import { groupHints } from "./group-hints.js";
import { createShares } from "./shares.js";

/** With so many jobs waiting, more would only fill the queue's memory: the rest waits in Postgres. */
export const DEPTH_MAX = 20_000;
/** Those within their organization's share go on for so long: few, unless organizations are very many. */
const DEPTH_WITHIN_SHARES_MAX = 2 * DEPTH_MAX;
const DELAYED_MAX = 20_000;
const UNDER_WAY_MAX = 20_000;

/** A hint as the queue takes it. */
export type PlacedHint = Omit<Hint, "organizationId" | "set" | "delayMs">;

/** Hints of one organization that go through the queue as one. */
export interface PlacedJob {
  hints: PlacedHint[];
  delayMs: number;
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
  enqueue: (jobs: readonly PlacedJob[]) => Promise<void>;
  depth: () => Promise<QueueDepth>;
  nowMs: () => number;
}): FairQueue {
  const shares = createShares(options);
  const gauge = createDepthGauge(options);
  let underWay = 0;

  function hasRoom({ hints, delayMs, priority }: PlacedJob): boolean {
    const { waiting, delayed } = gauge.read();
    // A line's pulls are no more than its webhook takes at once, and leases that ran out no more than dead workers had under way.
    if (hints.some(({ isPulled, isTakenOver }) => isPulled === true || isTakenOver === true)) return true;
    if (delayMs > 0) return delayed < DELAYED_MAX;
    return underWay < UNDER_WAY_MAX && waiting < (priority === 0 ? DEPTH_WITHIN_SHARES_MAX : DEPTH_MAX);
  }

  return {
    async enqueue(hints) {
      const jobs: PlacedJob[] = [];
      const left: LeftHint[] = [];
      let placed = 0;
      for (const group of groupHints(hints)) {
        // Each of them counts, and the first says whose turn it is.
        const [priority = 0] = group.map(({ organizationId }) => shares.take(organizationId));
        const job = toJob(group, priority);
        if (!hasRoom(job)) {
          left.push(...group.map((hint) => ({ ...hint, priority: Math.max(1, priority) })));
          continue;
        }
        gauge.add(job.delayMs > 0 ? { waiting: 0, delayed: 1 } : { waiting: 1, delayed: 0 });
        jobs.push(job);
        placed += group.length;
      }
      underWay += placed;
      try {
        if (jobs.length > 0) await options.enqueue(jobs);
      } finally {
        underWay -= placed;
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

function toJob(group: readonly Hint[], priority: number): PlacedJob {
  const hints = group.map(({ organizationId: _organization, set: _set, delayMs: _delay, ...hint }): PlacedHint => hint);
  return { hints, delayMs: group[0]?.delayMs ?? 0, priority };
}

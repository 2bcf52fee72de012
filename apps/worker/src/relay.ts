import type { Context } from "@homing/core/context";
import type { Attempts } from "@homing/core/deliveries/attempt";
import { relayDeliveries } from "@homing/core/deliveries/relay";
import { releaseHeld } from "@homing/core/deliveries/release-held";
import { pullDueLines } from "@homing/core/lanes/pull";
import type { DeliveryQueue } from "@homing/queue/queue";
import { type Loop, startLoop } from "./loop.js";

const PAUSE_MS = 1_000;
const HANDED_OVER_AT_ONCE_MAX = 5_000;
/** One lane's statement runs while the other's hints are on their way to the queue. */
const LANES = 2;
/**
 * With so many jobs waiting, more hints would only fill the queue's memory (some 800 B each). After the loss of a long queue this
 * many are back at once, and the rest follow as fast as the workers take them, round by round: they never run dry.
 */
const DEPTH_MAX = 20_000;
const RELEASED_AT_ONCE_MAX = 500;
/** Also while endpoints that hang take all that is theirs: among the lines there may be one of a webhook that is well again. */
const LINES_AT_ONCE_MIN = 10;

/**
 * Repairs what the queue lost and brings what came due. Every worker runs one; there is no leader.
 * @param context the relay's own; hints handed over here are awaited, so that a queue that is away slows the relay down
 */
export function startRelay(
  context: Pick<Context, "db" | "enqueue" | "log">,
  queue: DeliveryQueue,
  attempts: Pick<Attempts, "freeShared">,
): Loop {
  let knownEpochMs: number | null = null;
  return startLoop({
    name: "relay",
    pauseMs: PAUSE_MS,
    log: context.log,
    async round(signal) {
      const queueEpochMs = await queue.epoch(Date.now());
      // The queue's store is not the one we knew: all hints that were handed over before are gone.
      const sweepSinceMs = queueEpochMs === knownEpochMs ? null : queueEpochMs;
      const isDone = await relayAll(context, queue, { sweepSinceMs, signal });
      if (isDone) knownEpochMs = queueEpochMs;
      await releaseHeld(context, { limit: RELEASED_AT_ONCE_MAX });
      await pullDueLines(context, { linesMax: Math.max(LINES_AT_ONCE_MIN, attempts.freeShared()) });
    },
  });
}

/** @returns whether nothing is left to hand over; not so when the queue is full enough, or away */
async function relayAll(
  context: Pick<Context, "db" | "enqueue" | "log">,
  queue: DeliveryQueue,
  { signal, sweepSinceMs }: { sweepSinceMs: number | null; signal: AbortSignal },
): Promise<boolean> {
  const begunMs = performance.now();

  /** @returns whether there may be more to hand over; null when no more may be */
  async function relaySome(): Promise<boolean | null> {
    if (signal.aborted || (await queue.depth()) >= DEPTH_MAX) return null;
    // Clocks differ: what this sweep handed over itself is never taken for lost.
    const lostAgeMs = sweepSinceMs === null ? null : Math.max(Date.now() - sweepSinceMs, performance.now() - begunMs);
    const { handedOver, isTaken } = await relayDeliveries(context, { limit: HANDED_OVER_AT_ONCE_MAX, lostAgeMs });
    if (!isTaken) return null;
    if (handedOver > 0) context.log.info({ hints: handedOver, sweep: lostAgeMs !== null }, "relay.handed_over");
    return handedOver === HANDED_OVER_AT_ONCE_MAX;
  }

  async function relayLane(): Promise<boolean> {
    for (;;) {
      const hasMore = await relaySome();
      if (hasMore !== true) return hasMore === false;
    }
  }

  // An idle system pays for one statement a round.
  const hasMore = await relaySome();
  if (hasMore !== true) return hasMore === false;
  const lanes = await Promise.all(Array.from({ length: LANES }, relayLane));
  return lanes.every(Boolean);
}

import type { Context } from "@homing/core/context";
import { relayDeliveries } from "@homing/core/deliveries/relay";
import { releaseHeld } from "@homing/core/deliveries/release-held";
import type { DeliveryQueue } from "@homing/queue/queue";
import { type Loop, startLoop } from "./loop.js";

const PAUSE_MS = 1_000;
const HANDED_OVER_AT_ONCE_MAX = 1_000;
/** With so many jobs waiting, more hints would only fill the queue's memory. */
const DEPTH_MAX = 20_000;
const RELEASED_AT_ONCE_MAX = 500;

/**
 * Repairs what the queue lost and brings what came due. Every worker runs one; there is no leader.
 * @param context the relay's own; hints handed over here are awaited, so that a queue that is away slows the relay down
 */
export function startRelay(context: Pick<Context, "db" | "enqueue" | "log">, queue: DeliveryQueue): Loop {
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
  while (!signal.aborted && (await queue.depth()) < DEPTH_MAX) {
    // Clocks differ: what this sweep handed over itself is never taken for lost.
    const lostAgeMs = sweepSinceMs === null ? null : Math.max(Date.now() - sweepSinceMs, performance.now() - begunMs);
    const { handedOver, isTaken } = await relayDeliveries(context, { limit: HANDED_OVER_AT_ONCE_MAX, lostAgeMs });
    if (!isTaken) return false;
    if (handedOver > 0) context.log.info({ hints: handedOver, sweep: lostAgeMs !== null }, "relay.handed_over");
    if (handedOver < HANDED_OVER_AT_ONCE_MAX) return true;
  }
  return false;
}

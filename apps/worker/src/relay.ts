import type { Context } from "@homing/core/context";
import type { Attempts } from "@homing/core/deliveries/attempt";
import { findChores } from "@homing/core/deliveries/find-chores";
import { relayDeliveries } from "@homing/core/deliveries/relay";
import { releaseHeld } from "@homing/core/deliveries/release-held";
import { pullDueLines } from "@homing/core/lanes/pull";
import { DEPTH_MAX } from "@homing/core/shares/fair-queue";
import type { DeliveryQueue } from "@homing/queue/queue";
import { type Loop, startLoop } from "./loop.js";
import { createPasser } from "./pass-crowd.js";

const PAUSE_MS = 1_000;
const HANDED_OVER_AT_ONCE_MAX = 5_000;
/** With less room than that the queue counts as full: small rounds would cost more than they bring. */
const ROOM_MIN = 1_000;
/** Of what is due, in each round, however full the queue is. */
const DUE_BEYOND_ROOM_MAX = 500;
/** One lane's statement runs while the other's hints are on their way to the queue. */
const LANES = 2;
const RELEASED_AT_ONCE_MAX = 500;
/** Also while endpoints that hang take all that is theirs: among the lines there may be one of a webhook that is well again. */
const LINES_AT_ONCE_MIN = 3;
/** Webhooks that are well, whose lines come before all others. */
const FAST_MAX = 1_000;

export interface RelayParts {
  queue: Pick<DeliveryQueue, "depth" | "epoch">;
  /** The organizations that are beyond their share of the queue. */
  crowd: () => string[];
  attempts: Pick<Attempts, "fast" | "freeShared">;
}

type RelayContext = Pick<Context, "db" | "enqueue" | "log">;

/**
 * Repairs what the queue lost, brings what came due, and fills the queue from the backlog as the workers take it. Every worker runs
 * one; there is no leader.
 * @param context the relay's own; hints handed over here are awaited, so that a queue that is away slows the relay down
 */
export function startRelay(context: RelayContext, { queue, crowd, attempts }: RelayParts): Loop {
  let knownEpochMs: number | null = null;
  const passer = createPasser(context, { crowd });
  return startLoop({
    name: "relay",
    pauseMs: PAUSE_MS,
    log: context.log,
    async round(signal) {
      const queueEpochMs = await queue.epoch(Date.now());
      // The queue's store is not the one we knew: all hints that were handed over before are gone.
      const sweepSinceMs = queueEpochMs === knownEpochMs ? null : queueEpochMs;
      const chores = await findChores(context);
      const relay = async (): Promise<void> => {
        const end = await relayAll(context, queue, { sweepSinceMs, signal });
        if (end === "done") knownEpochMs = queueEpochMs;
        if (end !== "full") return;
        // An organization that keeps the queue full must not keep retries, lost hints and leases that ran out from it.
        await relayDeliveries(context, { limit: DUE_BEYOND_ROOM_MAX, lostAgeMs: null, isDueOnly: true });
        await passer.pass();
      };
      if (chores.relay || sweepSinceMs !== null) await attend(context, "relay", relay);
      const release = () => releaseHeld(context, { limit: RELEASED_AT_ONCE_MAX });
      if (chores.releases) await attend(context, "release", release);
      if (chores.lines) await attend(context, "lines", () => pullLines(context, attempts));
    },
  });
}

/** One chore that fails again and again must not keep a worker from the others. */
async function attend({ log }: RelayContext, chore: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warn({ err: error, chore }, "relay.chore_failed");
  }
}

/** Of a webhook that is well, what stands in its line was parked by a worker that did not know it, or while its seats were taken. */
async function pullLines(context: RelayContext, attempts: RelayParts["attempts"]): Promise<void> {
  await pullDueLines(context, { among: attempts.fast(FAST_MAX) });
  await pullDueLines(context, { linesMax: Math.max(LINES_AT_ONCE_MIN, attempts.freeShared()) });
}

/** How a relay ended: nothing is left to hand over, the queue is full enough, or it is away or the worker stops. */
type RelayEnd = "done" | "full" | "away";

async function relayAll(
  context: RelayContext,
  queue: Pick<DeliveryQueue, "depth">,
  { signal, sweepSinceMs }: { sweepSinceMs: number | null; signal: AbortSignal },
): Promise<RelayEnd> {
  const begunMs = performance.now();

  async function relaySome(): Promise<RelayEnd | "more"> {
    if (signal.aborted) return "away";
    // After the loss of a long queue so many are back at once, and the rest follow as fast as the workers take them.
    const room = DEPTH_MAX - (await queue.depth()).waiting;
    if (room < ROOM_MIN) return "full";
    const limit = Math.min(HANDED_OVER_AT_ONCE_MAX, Math.floor(room / LANES));
    // Clocks differ: what this sweep handed over itself is never taken for lost.
    const lostAgeMs = sweepSinceMs === null ? null : Math.max(Date.now() - sweepSinceMs, performance.now() - begunMs);
    const { handedOver, isTaken } = await relayDeliveries(context, { limit, lostAgeMs });
    if (!isTaken) return "away";
    if (handedOver > 0) context.log.info({ hints: handedOver, sweep: lostAgeMs !== null }, "relay.handed_over");
    return handedOver === limit ? "more" : "done";
  }

  async function relayLane(): Promise<RelayEnd> {
    for (;;) {
      const end = await relaySome();
      if (end !== "more") return end;
    }
  }

  // An idle system pays for one statement a round.
  const end = await relaySome();
  if (end !== "more") return end;
  const ends = await Promise.all(Array.from({ length: LANES }, relayLane));
  return ends.find((one) => one !== "done") ?? "done";
}

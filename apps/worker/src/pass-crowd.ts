import type { Context } from "@homing/core/context";
import { relayDeliveries } from "@homing/core/deliveries/relay";

const HANDED_OVER_AT_ONCE_MAX = 1_000;
/** A look past a million rows takes a second: it may cost so small a part of the time. */
const PAUSES_PER_LOOK = 10;

/** Looks for what is due behind the rows of organizations that are beyond their share. */
export interface Passer {
  /** Hands it over, unless the last look was too short a time ago. */
  pass(): Promise<void>;
}

/** Of use where the relay has not come to the end of what is due: a queue that is full of one organization's has room for others. */
export function createPasser(
  context: Pick<Context, "db" | "enqueue" | "log">,
  { crowd }: { crowd: () => string[] },
): Passer {
  let nextLookAtMs = 0;
  return {
    async pass() {
      const passing = crowd();
      const begunMs = performance.now();
      if (passing.length === 0 || begunMs < nextLookAtMs) return;
      const { handedOver } = await relayDeliveries(context, {
        limit: HANDED_OVER_AT_ONCE_MAX,
        lostAgeMs: null,
        passing,
      }).finally(() => {
        const endedMs = performance.now();
        nextLookAtMs = endedMs + PAUSES_PER_LOOK * (endedMs - begunMs);
      });
      if (handedOver > 0) context.log.info({ hints: handedOver, passed: passing.length }, "relay.passed_crowd");
    },
  };
}

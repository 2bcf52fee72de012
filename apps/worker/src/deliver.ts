import { setImmediate } from "node:timers/promises";
import type { AttemptMade, Attempts } from "@homing/core/deliveries/attempt";
import type { DeliveryHint } from "@homing/queue/delivery-job";
import type { HintOutcome, ProcessHint } from "@homing/queue/processor";
import type { Logger } from "@homing/runtime/logger";

export interface Deliver {
  /**
   * Runs one hint: it says where to look, the claim decides whether there is anything to do. A receiver's failure is an outcome;
   * only our own faults throw.
   */
  run: ProcessHint;
  /** Resolves when no hint is under way. */
  idle: () => Promise<void>;
}

export function createDeliver({ attempts, log }: { attempts: Pick<Attempts, "attempt">; log: Logger }): Deliver {
  const underWay = new Set<Promise<HintOutcome>>();
  return {
    async run(hint, giveBackSlot) {
      const running = deliver({ attempts, log }, hint, giveBackSlot);
      underWay.add(running);
      return running.finally(() => underWay.delete(running));
    },
    async idle() {
      while (underWay.size > 0) {
        await Promise.allSettled(underWay);
        // Those that waited for the slots which have just become free begin now.
        await setImmediate();
      }
    },
  };
}

async function deliver(
  { attempts, log }: { attempts: Pick<Attempts, "attempt">; log: Logger },
  hint: DeliveryHint,
  giveBackSlot: () => void,
): Promise<HintOutcome> {
  const report = await attempts.attempt(hint, giveBackSlot);
  switch (report.outcome) {
    case "too_early":
      return { tooEarlyByMs: report.byMs };
    case "nothing_to_do":
    case "parked":
      return { outcome: report.outcome };
    case "attempted":
      if (log.isLevelEnabled("info")) log.info(wideLine(report), "delivery.attempted");
      return {
        outcome: report.result.outcome,
        responseStatus: report.result.status ?? null,
        durationMs: Math.round(report.result.durationMs),
      };
    default:
      return report satisfies never;
  }
}

/** All that is known of one attempt, on one line, without secrets or bodies. */
function wideLine({ claim, result, record }: AttemptMade): Record<string, unknown> {
  const settlement = record.outcome === "settled" ? record.settlement : null;
  return {
    organization_id: claim.organizationId,
    event_id: claim.eventName,
    event_type: claim.eventType,
    webhook_id: claim.webhookId,
    delivery_id: claim.deliveryId,
    series: claim.series,
    attempt: claim.number,
    trigger: claim.trigger,
    outcome: result.outcome,
    response_status: result.status ?? null,
    duration_ms: Math.round(result.durationMs),
    payload_bytes: Buffer.byteLength(claim.payload),
    state: settlement?.state ?? "late",
    retry_in_ms: settlement?.state === "pending" ? settlement.delayMs : null,
  };
}

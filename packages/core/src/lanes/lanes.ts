import { createBatch } from "@homing/runtime/batch";
import type { Context, Hint } from "../context.js";
import type { Claim } from "../deliveries/claim.js";
import { isSuccess, type SendResult } from "../outcome.js";
import { createAdmission, OPEN_TO_ALL, type Seat } from "./admission.js";
import { closeCircuit, openCircuit, reopenCircuit } from "./circuit.js";
import type { Acquaintance, SeatEnd } from "./endpoint.js";
import { STRANGER } from "./endpoints.js";
import { createFailureRates } from "./failure-rates.js";
import { createKnownLines } from "./known-lines.js";
import { WORKER_BATCH } from "../worker-batch.js";

const STATUSES_OF_OVERLOAD = [429, 503];

/** What keeps one webhook from harming another, in one worker process. */
export interface Lanes {
  /**
   * A seat for one request to a webhook, maybe after a short wait; null: there is none.
   * @throws what the database throws
   */
  enter(hint: { webhookId: string; isTakenOver?: boolean }): Promise<Seat | null>;
  /** Puts a delivery for which there is no seat into its webhook's line. */
  park(delivery: Pick<Hint, "deliveryId" | "webhookId" | "isPulled">): Promise<void>;
  /** Learns what an attempt that was recorded says of its webhook, and takes the next ones from its line. Never rejects. */
  follow(made: FollowedAttempt): Promise<void>;
  /** Learns that a claim found that the webhook has a line. */
  noticeLine(webhookId: string): void;
  /** Slots that webhooks outside the fast lane may still take. */
  freeShared(): number;
  /** Webhooks that are well, so many at most. */
  fast(max: number): string[];
  /** To be called several times a second. */
  sweep(): void;
}

/** An attempt that was recorded, and whether its webhook's line let it out. */
export interface FollowedAttempt {
  claim: Claim;
  result: SendResult;
  isPulled: boolean;
}

type LanesContext = Pick<Context, "db" | "enqueue" | "log">;

/**
 * @param options.slots requests that the process makes at once, beside those that stand aside
 * @param options.isIsolating false lets every delivery go at once, whatever its endpoint does: to measure what isolation is worth
 */
export function createLanes(context: LanesContext, options: { slots: number; isIsolating?: boolean }): Lanes {
  const admission =
    options.isIsolating === false
      ? OPEN_TO_ALL
      : createAdmission({ slots: options.slots, nowMs: () => performance.now() });
  const rates = createFailureRates();
  const lines = createKnownLines(context);
  const introductions = createBatch({
    flush: (webhookIds: string[]) => introduce(context, webhookIds),
    ...WORKER_BATCH,
  });

  async function judge({ webhookId, circuit }: Claim, result: SendResult): Promise<void> {
    const isFailure = isFailureOfEndpoint(result);
    if (circuit !== "closed") {
      if (isFailure) return reopenCircuit(context, webhookId);
      if (await closeCircuit(context, webhookId)) context.log.info({ webhook_id: webhookId }, "circuit.closed");
      return;
    }
    if (!rates.count(webhookId, { isFailure, nowMs: performance.now() })) return;
    rates.forget(webhookId);
    if (await openCircuit(context, webhookId)) context.log.warn({ webhook_id: webhookId }, "circuit.opened");
  }

  async function follow({ claim, result, isPulled }: FollowedAttempt): Promise<void> {
    if (isPulled) lines.takeBack(claim.webhookId);
    if (result.outcome === "aborted") return;
    await judge(claim, result);
    await lines.pullAfter({ claim, result, room: admission.roomAt(claim.webhookId) });
  }

  return {
    async enter({ webhookId, isTakenOver }) {
      const { endpoints } = admission;
      if (!endpoints.isKnown(webhookId)) endpoints.meet(webhookId, await introductions.add(webhookId));
      // Whatever its window says: a worker that died had it under way. But what stood aside there must not take all slots here.
      return isTakenOver === true ? admission.takeOver(webhookId) : admission.enter(webhookId);
    },
    park: (delivery) => lines.park(delivery),
    async follow(made) {
      try {
        await follow(made);
      } catch (error) {
        // The rounds of the lines go on without it.
        context.log.warn({ err: error, webhook_id: made.claim.webhookId }, "line.not_followed");
      }
    },
    noticeLine: (webhookId) => lines.notice(webhookId),
    freeShared: () => admission.freeShared(),
    fast: (max) => admission.endpoints.fast(max),
    sweep: () => admission.sweep(),
  };
}

interface IntroducedRow {
  id: string;
  organization_id: string;
  is_proven: boolean;
  in_flight_max: number;
}

function toAcquaintance(row: IntroducedRow): Acquaintance {
  return { organizationId: row.organization_id, isProven: row.is_proven, inFlightMax: row.in_flight_max };
}

/** What others know of webhooks. @returns one for each, in order */
async function introduce({ db }: Pick<Context, "db">, webhookIds: readonly string[]): Promise<Acquaintance[]> {
  const rows = await db.$queryRaw<IntroducedRow[]>`/* prepared introduce */
    SELECT id, organization_id, is_proven, in_flight_max FROM webhooks WHERE id = ANY (${[...webhookIds]}::uuid[])`;
  const known = new Map(rows.map((row) => [row.id, toAcquaintance(row)]));
  return webhookIds.map((id) => known.get(id) ?? STRANGER);
}

/** How a request ended, as its endpoint's window sees it; null: it says nothing of the endpoint. */
export function seatEnd(result: SendResult): SeatEnd | null {
  if (result.outcome === "aborted") return null;
  if (isSuccess(result)) return "succeeded";
  const isOverload = result.outcome === "timeout" || STATUSES_OF_OVERLOAD.includes(result.status ?? 0);
  return isOverload ? "overloaded" : "failed";
}

/** An endpoint that refuses a request for its content (4xx) is there, and well. */
function isFailureOfEndpoint(result: SendResult): boolean {
  if (result.outcome !== "responded") return true;
  return result.status >= 500 || result.status === 429;
}

import { isItemFault } from "@homing/db/faults";
import { createBatch } from "@homing/runtime/batch";
import type { Context, Hint } from "../context.js";
import type { Claim } from "../deliveries/claim.js";
import { isSuccess, type SendResult } from "../outcome.js";
import { createAdmission, OPEN_TO_ALL, type Seat } from "./admission.js";
import { closeCircuit, openCircuit, reopenCircuit } from "./circuit.js";
import type { SeatEnd } from "./endpoint.js";
import { createFailureRates } from "./failure-rates.js";
import { createOutstanding } from "./outstanding.js";
import { parkDeliveries } from "./park.js";
import { pullLines, type PullRequest } from "./pull.js";

/** More may wait than the worker's concurrency can ever ask for. */
const BATCH = { itemsMax: 200, waitingMax: 100_000, isItemFault };
/** A line that moves is pulled from twice for each success, so that it fills the window that grows with it. */
const PULLED_AFTER_SUCCESS = 2;
const STATUSES_OF_OVERLOAD = [429, 503];

/** What keeps one webhook from harming another, in one worker process. */
export interface Lanes {
  /** A seat for one request to a webhook, maybe after a short wait; null: there is none. What was taken over always finds one. */
  enter(hint: { webhookId: string; isTakenOver?: boolean }): Promise<Seat | null>;
  /** Puts a delivery for which there is no seat into its webhook's line. */
  park(delivery: Pick<Hint, "deliveryId" | "webhookId" | "isPulled">): Promise<void>;
  /** Learns what an attempt that was recorded says of its webhook, and takes the next ones from its line. Never rejects. */
  follow(made: FollowedAttempt): Promise<void>;
  /** Learns that a claim found that the webhook has a line. */
  noticeLine(webhookId: string): void;
  /** Slots that webhooks outside the fast lane may still take. */
  freeShared(): number;
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
 * @param options.slots requests that the process makes at once
 * @param options.isIsolating false lets every delivery go at once, whatever its endpoint does: to measure what isolation is worth
 */
export function createLanes(context: LanesContext, options: { slots: number; isIsolating?: boolean }): Lanes {
  const admission =
    options.isIsolating === false
      ? OPEN_TO_ALL
      : createAdmission({ slots: options.slots, nowMs: () => performance.now() });
  const rates = createFailureRates();
  /** Webhooks of which deliveries are parked, as far as this process knows. */
  const lined = new Set<string>();
  const outstanding = createOutstanding(() => performance.now());
  const { parks, pulls } = createLineBatches(context);

  async function pull(webhookId: string, wanted: number): Promise<void> {
    outstanding.add(webhookId, wanted);
    const line = await pulls.add({ webhookId, wanted });
    for (let unfilled = wanted - (line?.granted ?? 0); unfilled > 0; unfilled--) outstanding.takeOff(webhookId);
    if (line !== null && !line.isEmpty) return;
    lined.delete(webhookId);
    outstanding.forget(webhookId);
  }

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
    if (isPulled) {
      outstanding.takeOff(claim.webhookId);
      lined.add(claim.webhookId);
    }
    if (result.outcome === "aborted") return;
    await judge(claim, result);
    if (!lined.has(claim.webhookId)) return;
    // What was pulled and still waits in the queue takes no seat yet: without a bound a line would fill the queue before all others.
    const room = Math.min(admission.roomAt(claim.webhookId), claim.inFlightMax - outstanding.of(claim.webhookId));
    const wanted = Math.min(room, isSuccess(result) ? PULLED_AFTER_SUCCESS : 1);
    if (wanted > 0) await pull(claim.webhookId, wanted);
  }

  return {
    // So many at most as were under way in a worker that died.
    enter: async ({ webhookId, isTakenOver }) =>
      isTakenOver === true ? admission.seatAt(webhookId) : admission.enter(webhookId),
    async park({ deliveryId, webhookId, isPulled }) {
      if (isPulled === true) outstanding.takeOff(webhookId);
      await parks.add(deliveryId);
      lined.add(webhookId);
    },
    async follow(made) {
      try {
        await follow(made);
      } catch (error) {
        // The rounds of the lines go on without it.
        context.log.warn({ err: error, webhook_id: made.claim.webhookId }, "line.not_followed");
      }
    },
    noticeLine: (webhookId) => lined.add(webhookId),
    freeShared: () => admission.freeShared(),
    sweep: () => admission.sweep(),
  };
}

/** Concurrent attempts share the statements that park and pull. */
function createLineBatches(context: LanesContext) {
  return {
    parks: createBatch({
      flush: async (deliveryIds: string[]) => {
        await parkDeliveries(context, deliveryIds);
        return deliveryIds;
      },
      ...BATCH,
    }),
    pulls: createBatch({
      flush: async (requests: PullRequest[]) => {
        const lines = new Map((await pullLines(context, requests)).map((line) => [line.webhookId, line]));
        return requests.map(({ webhookId, wanted }) => {
          const line = lines.get(webhookId);
          if (line === undefined) return null;
          // Requests for one line share what was pulled for all of them.
          const granted = Math.min(wanted, line.deliveries);
          line.deliveries -= granted;
          return { granted, isEmpty: line.isEmpty };
        });
      },
      ...BATCH,
    }),
  };
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

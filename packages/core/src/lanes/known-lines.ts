import { createBatch } from "@homing/runtime/batch";
import type { Context, Hint } from "../context.js";
import type { Claim } from "../deliveries/claim.js";
import { isSuccess, type SendResult } from "../outcome.js";
import { WORKER_BATCH } from "../worker-batch.js";
import { createOutstanding } from "./outstanding.js";
import { parkDeliveries } from "./park.js";
import { type PullRequest, pullLines } from "./pull.js";
import { createUtilizationGauge, releasePauseMs } from "./release-pace.js";

/** With fewer seats free a line that moves waits for the next success. */
const PULLED_TOGETHER_MIN = 3;
/** What is released after an enable is taken so many at a time, with a pause, beside what is published now. */
const RELEASED_TOGETHER_MAX = 3;

/** The lines that one worker process knows of, and what it takes from them. */
export interface KnownLines {
  /** The webhook has a line. */
  notice(webhookId: string): void;
  /** Puts a delivery into its webhook's line. */
  park(delivery: Pick<Hint, "deliveryId" | "webhookId" | "isPulled">): Promise<void>;
  /** One that was pulled came back. */
  takeBack(webhookId: string): void;
  /** Takes the next ones from the webhook's line, if it has one. @param room requests that may be added to those under way to it */
  pullAfter(attempt: { claim: Claim; result: SendResult; room: number }): Promise<void>;
}

export function createKnownLines(context: Pick<Context, "db" | "enqueue" | "log">): KnownLines {
  const { log } = context;
  const lined = new Set<string>();
  const paced = new Set<string>();
  const outstanding = createOutstanding(() => performance.now());
  const utilization = createUtilizationGauge({ nowMs: () => performance.now() });
  const { parks, pulls } = createLineBatches(context);

  async function pull(webhookId: string, wanted: number): Promise<void> {
    outstanding.add(webhookId, wanted);
    const line = await pulls.add({ webhookId, wanted });
    for (let unfilled = wanted - (line?.granted ?? 0); unfilled > 0; unfilled--) outstanding.takeOff(webhookId);
    if (line !== null && !line.isEmpty) return;
    lined.delete(webhookId);
    outstanding.forget(webhookId);
  }

  /** A line that moves is pulled from when a few seats are free: a few at a time cost little more than one. */
  function wantedAfter({ claim, result, room }: { claim: Claim; result: SendResult; room: number }): number {
    const out = outstanding.of(claim.webhookId);
    // What was pulled and still waits in the queue takes no seat yet: without a bound a line would fill the queue before all others.
    const free = Math.min(room, claim.inFlightMax - out);
    if (!isSuccess(result)) return Math.min(free, 1);
    return out === 0 || free >= Math.min(PULLED_TOGETHER_MIN, claim.inFlightMax) ? free : 0;
  }

  /** One pull at a time waits for its moment; whatever comes back in the meantime is part of the next. */
  function pullPaced({ webhookId, inFlightMax }: Claim): void {
    if (paced.has(webhookId)) return;
    paced.add(webhookId);
    const timer = setTimeout(() => {
      paced.delete(webhookId);
      pull(webhookId, Math.min(RELEASED_TOGETHER_MAX, inFlightMax)).catch((error: unknown) => {
        log.warn({ err: error, webhook_id: webhookId }, "line.not_followed");
      });
    }, releasePauseMs(utilization()));
    timer.unref();
  }

  return {
    notice: (webhookId) => lined.add(webhookId),
    async park({ deliveryId, webhookId, isPulled }) {
      if (isPulled === true) outstanding.takeOff(webhookId);
      await parks.add(deliveryId);
      lined.add(webhookId);
    },
    takeBack(webhookId) {
      outstanding.takeOff(webhookId);
      lined.add(webhookId);
    },
    async pullAfter(attempt) {
      const { webhookId, isReleasing, isOrdered } = attempt.claim;
      if (!lined.has(webhookId)) return;
      if (isReleasing && !isOrdered) return pullPaced(attempt.claim);
      const wanted = wantedAfter(attempt);
      if (wanted > 0) await pull(webhookId, wanted);
    },
  };
}

/** Concurrent attempts share the statements that park and pull. */
function createLineBatches(context: Pick<Context, "db" | "enqueue" | "log">) {
  return {
    parks: createBatch({
      flush: async (deliveryIds: string[]) => {
        await parkDeliveries(context, deliveryIds);
        return deliveryIds;
      },
      ...WORKER_BATCH,
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
      ...WORKER_BATCH,
    }),
  };
}

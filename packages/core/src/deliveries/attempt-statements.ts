import { setTimeout as wait } from "node:timers/promises";
import { isDatabaseAway } from "@homing/db/faults";
import { createBatch } from "@homing/runtime/batch";
import type { Context, Hint } from "../context.js";
import { type ClaimOutcome, claimDeliveries } from "./claim.js";
import { claimPlain } from "./claim-plain.js";
import { type MadeAttempt, type RecordOutcome, recordAttempts } from "./record.js";
import { mayBePlain, recordPlain } from "./record-plain.js";
import { WORKER_BATCH } from "../worker-batch.js";

const RECORD_TRIES_MAX = 40;
const RECORD_PAUSE_MS = 500;
const CLAIM_PAUSE_MS = 1_000;

/** Look again in a second. */
export const LATER = { outcome: "too_early", byMs: CLAIM_PAUSE_MS } as const;

/** Which delivery to look at. */
export type AttemptHint = Pick<Hint, "deliveryId" | "webhookId" | "number" | "isPulled" | "isTakenOver" | "isSuspect">;

/** The statements of concurrent attempts, many in one: what is plain goes by those that can do nothing else, the rest by the general ones. */
export interface AttemptStatements {
  claim(hint: AttemptHint): Promise<ClaimOutcome>;
  /** The request has left: its record is worth waiting for a database that restarts. */
  record(attempt: MadeAttempt): Promise<RecordOutcome>;
}

export function createAttemptStatements(
  context: Pick<Context, "db" | "enqueue" | "log" | "random">,
): AttemptStatements {
  const plainClaims = createBatch({
    flush: (deliveryIds: string[]) => claimPlain(context, deliveryIds),
    ...WORKER_BATCH,
  });
  const claims = createBatch({
    flush: (hints: AttemptHint[]) =>
      claimDeliveries(
        context,
        hints.map(({ deliveryId }) => deliveryId),
        {
          pulledIds: hints.flatMap(({ deliveryId, isPulled }) => (isPulled === true ? deliveryId : [])),
          suspectIds: hints.flatMap(({ deliveryId, isSuspect }) => (isSuspect === true ? deliveryId : [])),
        },
      ),
    ...WORKER_BATCH,
  });
  const plainRecords = createBatch({
    flush: (attempts: MadeAttempt[]) => recordPlain(context, attempts),
    ...WORKER_BATCH,
  });
  const records = createBatch({
    flush: (attempts: MadeAttempt[]) => recordAttempts(context, attempts),
    ...WORKER_BATCH,
  });

  async function claim(hint: AttemptHint): Promise<ClaimOutcome> {
    const plain = isFirst(hint) ? await plainClaims.add(hint.deliveryId) : null;
    return plain === null ? claims.add(hint) : { outcome: "claimed", claim: plain };
  }

  /** How many results of each webhook are being recorded by the general statement. */
  const judging = new Map<string, number>();

  /** A success beside a failure is judged together with it: one success says that a webhook is well. */
  async function record(attempt: MadeAttempt): Promise<RecordOutcome> {
    const { webhookId } = attempt.claim;
    const plain = mayBePlain(attempt) && !judging.has(webhookId) ? await plainRecords.add(attempt) : null;
    if (plain !== null) return plain;
    judging.set(webhookId, (judging.get(webhookId) ?? 0) + 1);
    try {
      return await records.add(attempt);
    } finally {
      const others = (judging.get(webhookId) ?? 1) - 1;
      if (others > 0) judging.set(webhookId, others);
      else judging.delete(webhookId);
    }
  }

  return {
    claim: (hint) => unlessAway(context, hint, () => claim(hint)),
    async record(attempt) {
      for (let tries = 1; ; tries++) {
        try {
          return await record(attempt);
        } catch (error) {
          if (!isDatabaseAway(error) || tries >= RECORD_TRIES_MAX) throw error;
          context.log.warn({ err: error, delivery_id: attempt.claim.deliveryId, tries }, "attempt.not_recorded_yet");
          await wait(RECORD_PAUSE_MS);
        }
      }
    },
  };
}

/** Only a first attempt may be plain, and not one that is made for its line's sake or because another ended without a record. */
function isFirst({ number, isPulled, isTakenOver, isSuspect }: AttemptHint): boolean {
  return number === 1 && isPulled !== true && isTakenOver !== true && isSuspect !== true;
}

/** A database that is away is no fault of the delivery: its hint is put off, not failed. */
export async function unlessAway<Outcome>(
  { log }: Pick<Context, "log">,
  { deliveryId }: AttemptHint,
  ask: () => Promise<Outcome>,
): Promise<Outcome | typeof LATER> {
  try {
    return await ask();
  } catch (error) {
    if (!isDatabaseAway(error)) throw error;
    log.warn({ err: error, delivery_id: deliveryId }, "delivery.not_claimed_yet");
    return LATER;
  }
}

import { setTimeout as wait } from "node:timers/promises";
import { isDatabaseAway, isItemFault } from "@homing/db/faults";
import { createBatch } from "@homing/runtime/batch";
import type { Context } from "../context.js";
import type { SendResult } from "../outcome.js";
import { type Claim, type ClaimOutcome, claimDeliveries } from "./claim.js";
import { type MadeAttempt, type RecordOutcome, recordAttempts } from "./record.js";
import { putOff } from "./put-off.js";
import { type SignedRequest, signRequest } from "./sign.js";

const CLAIMS_IN_BATCH_MAX = 200;
const RECORDS_IN_BATCH_MAX = 200;
/** More than the worker's concurrency can ever ask for. */
const WAITING_MAX = 100_000;
const RECORD_TRIES_MAX = 40;
const RECORD_PAUSE_MS = 500;
const CLAIM_PAUSE_MS = 1_000;

/** What came of one hint. */
export type AttemptReport = Exclude<ClaimOutcome, { outcome: "claimed" }> | AttemptMade;

export interface AttemptMade {
  outcome: "attempted";
  claim: Claim;
  result: SendResult;
  record: RecordOutcome;
}

export interface Attempts {
  /** Claims, signs, sends and records one delivery, in the company of whatever else is under way. */
  attempt(deliveryId: string): Promise<AttemptReport>;
}

/**
 * The one place where an attempt is made. Claims and records of concurrent attempts share their statements; no transaction is
 * open while a request is out.
 * @param options.signal ends requests that are out: their receivers' answers are recorded as `aborted`
 */
export function createAttempts(context: Context, options: { signal: AbortSignal }): Attempts {
  const claims = createBatch({
    flush: (ids: string[]) => claimDeliveries(context, ids),
    itemsMax: CLAIMS_IN_BATCH_MAX,
    waitingMax: WAITING_MAX,
    isItemFault,
  });
  const records = createBatch({
    flush: (attempts: MadeAttempt[]) => recordAttempts(context, attempts),
    itemsMax: RECORDS_IN_BATCH_MAX,
    waitingMax: WAITING_MAX,
    isItemFault,
  });

  /** A database that is away is no fault of the delivery: its hint is put off, not failed. */
  async function claim(deliveryId: string): Promise<ClaimOutcome> {
    try {
      return await claims.add(deliveryId);
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      context.log.warn({ err: error, delivery_id: deliveryId }, "delivery.not_claimed_yet");
      return { outcome: "too_early", byMs: CLAIM_PAUSE_MS };
    }
  }

  /** The request has left: its record is worth waiting for a database that restarts. */
  async function record(attempt: MadeAttempt): Promise<RecordOutcome> {
    for (let tries = 1; ; tries++) {
      try {
        return await records.add(attempt);
      } catch (error) {
        if (!isDatabaseAway(error) || tries >= RECORD_TRIES_MAX) throw error;
        context.log.warn({ err: error, delivery_id: attempt.claim.deliveryId, tries }, "attempt.not_recorded_yet");
        await wait(RECORD_PAUSE_MS);
      }
    }
  }

  /** What cannot be signed is a fault of ours: the job fails for all to see, and the delivery waits for the mend. */
  async function sign(claimed: Claim): Promise<SignedRequest> {
    try {
      return signRequest(context, claimed, Date.now());
    } catch (error) {
      await putOff(context, claimed, "it could not be signed");
      throw error;
    }
  }

  return {
    async attempt(deliveryId) {
      if (options.signal.aborted) return { outcome: "too_early", byMs: CLAIM_PAUSE_MS };
      const claimed = await claim(deliveryId);
      if (claimed.outcome !== "claimed") return claimed;
      const { request, recordableHeaders } = await sign(claimed.claim);
      const result = await context.send({ ...request, signal: options.signal });
      const attempt = { claim: claimed.claim, result };
      return {
        outcome: "attempted",
        ...attempt,
        record: await record({ ...attempt, requestHeaders: recordableHeaders }),
      };
    },
  };
}

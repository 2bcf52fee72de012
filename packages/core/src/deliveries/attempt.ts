import type { Context } from "../context.js";
import type { Seat } from "../lanes/admission.js";
import { createLanes, seatEnd } from "../lanes/lanes.js";
import type { SendResult } from "../outcome.js";
import { type AttemptHint, createAttemptStatements, LATER, unlessAway } from "./attempt-statements.js";
import type { Claim, ClaimOutcome } from "./claim.js";
import { createLeases } from "./leases.js";
import { putOff } from "./put-off.js";
import type { RecordOutcome } from "./record.js";
import { rememberOpened } from "../sealing/remember-opened.js";
import { createSigningKeys } from "../webhooks/signing-key.js";
import { type SignedRequest, signRequest } from "./sign.js";

/** A request with a larger payload keeps its slot, so that those that stand aside take no more memory than those in slots may. */
const ASIDE_PAYLOAD_BYTES_MAX = 64 * 1024;
/** What was taken over and finds no seat asks again after a time that is drawn. */
const TAKEN_OVER_PAUSE_MS = { min: 1_000, spread: 4_000 };
const KEEP_SLOT = (): void => undefined;

/** What came of one hint. */
export type AttemptReport = Exclude<ClaimOutcome, { outcome: "claimed" }> | AttemptMade;

export interface AttemptMade {
  outcome: "attempted";
  claim: Claim;
  result: SendResult;
  record: RecordOutcome;
}

export interface Attempts {
  /**
   * Claims, signs, sends and records one delivery, in the company of whatever else is under way, if its webhook has a seat for it.
   * @param giveBackSlot called where the answer takes long: another attempt may be made in its place
   */
  attempt(hint: AttemptHint, giveBackSlot?: () => void): Promise<AttemptReport>;
  /** To be called every 3 s (`LEASE_RENEWAL_MS`) until no attempt is under way: keeps other workers from taking them over. */
  renewLeases(): Promise<void>;
  /** How many requests to webhooks outside the fast lane may be added to those under way. */
  freeShared(): number;
  /** Webhooks in the fast lane, so many at most. */
  fast(max: number): string[];
  /** Looks after requests that have been out for long; to be called several times a second. */
  sweep(): void;
}

/**
 * The one place where an attempt is made. Claims and records of concurrent attempts share their statements; no transaction is
 * open while a request is out.
 * @param options.signal ends requests that are out: their receivers' answers are recorded as `aborted`
 * @param options.slots attempts that are made at once, beside those that stand aside
 * @param options.isIsolating whether an endpoint that fails, hangs or is slow is kept from harming others; true by default
 */
export function createAttempts(
  context: Context,
  options: { signal: AbortSignal; slots: number; isIsolating?: boolean },
): Attempts {
  const lanes = createLanes(context, options);
  const statements = createAttemptStatements(context);
  const leases = createLeases(context);
  const signing = { sealer: rememberOpened(context.sealer), openSigningKey: createSigningKeys(context) };

  /** No seat: its webhook's line is the place for it. */
  async function park(hint: AttemptHint): Promise<{ outcome: "parked" }> {
    await lanes.park(hint);
    return { outcome: "parked" };
  }

  /** What cannot be signed is a fault of ours: the job fails for all to see, and the delivery waits for the mend. */
  async function sign(claimed: Claim, nowMs: number): Promise<SignedRequest> {
    try {
      return signRequest(signing, claimed, nowMs);
    } catch (error) {
      await putOff(context, claimed, "it could not be signed");
      throw error;
    }
  }

  async function make(seat: Seat, claim: Claim): Promise<AttemptMade> {
    const sentAtMs = Date.now();
    const { request, recordableHeaders } = await sign(claim, sentAtMs);
    const result = await context.send({ ...request, signal: options.signal });
    // The seat is the endpoint's again as soon as the answer is there, before it is written down.
    seat.leave(seatEnd(result));
    const record = await statements.record({ claim, result, requestHeaders: recordableHeaders, sentAtMs });
    return { outcome: "attempted", claim, result, record };
  }

  async function attemptFrom(seat: Seat, hint: AttemptHint, giveBackSlot: () => void): Promise<AttemptReport> {
    const claimed = options.signal.aborted ? LATER : await statements.claim(hint);
    if (claimed.outcome === "parked") lanes.noticeLine(hint.webhookId);
    if (claimed.outcome !== "claimed") return claimed;
    const { claim } = claimed;
    seat.allow(claim.inFlightMax);
    if (Buffer.byteLength(claim.payload) <= ASIDE_PAYLOAD_BYTES_MAX) seat.mayStandAside(giveBackSlot);
    const made = await leases.hold(claim, () => make(seat, claim));
    void lanes.follow({ claim, result: made.result, isPulled: hint.isPulled === true });
    return made;
  }

  const attempt: Attempts["attempt"] = async (hint, giveBackSlot = KEEP_SLOT) => {
    const seat = await unlessAway(context, hint, () => lanes.enter(hint));
    if (seat !== null && "outcome" in seat) return seat;
    // What was taken over is in flight, not pending: it cannot wait in a line.
    if (seat === null)
      return hint.isTakenOver === true ? postponeTakenOver(context) : unlessAway(context, hint, () => park(hint));
    try {
      return await attemptFrom(seat, hint, giveBackSlot);
    } finally {
      seat.end();
    }
  };

  const attemptSuspect = oneAtATime(attempt);
  return {
    attempt: (hint, giveBackSlot) =>
      hint.isSuspect === true ? attemptSuspect(hint, giveBackSlot) : attempt(hint, giveBackSlot),
    renewLeases: () => leases.renew(),
    freeShared: () => lanes.freeShared(),
    fast: (max) => lanes.fast(max),
    sweep: () => lanes.sweep(),
  };
}

/** A worker may have left hundreds behind: they do not all ask again at once. */
function postponeTakenOver({ random }: Pick<Context, "random">): AttemptReport {
  return { outcome: "too_early", byMs: TAKEN_OVER_PAUSE_MS.min + TAKEN_OVER_PAUSE_MS.spread * random() };
}

/** While one is under way the others are told to come later. */
function oneAtATime(attempt: Attempts["attempt"]): typeof attempt {
  let isUnderWay = false;
  return async (hint, giveBackSlot) => {
    if (isUnderWay) return LATER;
    isUnderWay = true;
    try {
      return await attempt(hint, giveBackSlot);
    } finally {
      isUnderWay = false;
    }
  };
}

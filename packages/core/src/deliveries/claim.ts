import type { Context } from "../context.js";
import type { RetryPolicySetting } from "../retry-schedule.js";
import type { SealedKey } from "../webhooks/signing-key.js";
import type { CircuitState } from "../webhooks/webhook.js";
import type { AttemptTrigger } from "./delivery.js";
import { failPoisonous } from "./fail-poisonous.js";
import { HINT_HORIZON_MS } from "./hint.js";
import { FAULTS, FAULTS_MAX, IS_DUE, moveDue } from "./move-due.js";
import { afterClaim, toClaims } from "./to-claims.js";

/** A delivery that is this worker's until its lease ends, with all that an attempt needs. */
export interface Claim {
  deliveryId: string;
  organizationId: string;
  webhookId: string;
  eventId: string;
  /** The event's id as receivers see it, `evt_…`. */
  eventName: string;
  eventType: string;
  payload: string;
  series: number;
  /** The attempt to make, counted in its series from 1. */
  number: number;
  /** Its place in the retry schedule, from 1: attempts that a stop of ours cut off took none. */
  place: number;
  trigger: AttemptTrigger;
  url: string;
  timeoutMs: number;
  /** Most requests to the webhook at once. */
  inFlightMax: number;
  circuit: CircuitState;
  /** Its webhook gets one at a time, in order: what is tried again goes back to the head of the line. */
  isOrdered: boolean;
  /** It was enabled again, and what was held for it still goes out. */
  isReleasing: boolean;
  headersSealed: string | null;
  authSealed: string | null;
  tlsSealed: string | null;
  signatureFormats: string[];
  retryPolicy: RetryPolicySetting;
  /** Newest first. */
  secrets: { id: string; sealed: string }[];
  /** Newest first; null: it does not ask for `v1a` signatures. */
  signingKeys: SealedKey[] | null;
}

export type ClaimOutcome =
  | { outcome: "claimed"; claim: Claim }
  /** It is scheduled, but not yet due by the database's clock. */
  | { outcome: "too_early"; byMs: number }
  /** It went into its webhook's line: others are before it, or the webhook is left alone for now. */
  | { outcome: "parked" }
  /** Finished, cancelled, held, poisonous, or another worker's. */
  | { outcome: "nothing_to_do" };

/**
 * Takes what is due, or whose lease ran out, for one attempt each: the WHERE clause is the lock, so of two claims one wins.
 * A delivery whose webhook was disabled meanwhile is held instead, one whose webhook was archived is cancelled; one of a webhook with
 * a line is parked, unless it was pulled from there or a retry was asked for; one whose event is gone fails; and one that took its worker's life, or could not be
 * attempted, five times in a row ends as failed: each time is a fault that only a record or a manual retry forgives.
 * @param options.pulledIds those that were pulled from their line
 * @param options.suspectIds those of which workers may have died: no other of these is under way here, nor will be
 * @returns one outcome for each id, in order
 */
export async function claimDeliveries(
  { db, log }: Pick<Context, "db" | "log">,
  deliveryIds: readonly string[],
  { pulledIds = [], suspectIds = [] }: { pulledIds?: readonly string[]; suspectIds?: readonly string[] } = {},
): Promise<ClaimOutcome[]> {
  const moved = await moveDue(db, deliveryIds, { pulledIds, suspectIds });
  const parked = new Set(moved.flatMap(({ goes, delivery_id }) => (goes === "parked" ? delivery_id : [])));
  const claims = await toClaims({ db, log }, moved);
  const claimed = new Map(claims.map((claim) => [claim.deliveryId, claim]));
  const unclaimed = deliveryIds.filter((id) => !claimed.has(id));
  const left = (await afterClaim(log, findLeft(db, unclaimed))) ?? [];
  const early = new Map(left.flatMap(({ id, by_ms }) => (by_ms === null ? [] : [[id, by_ms]])));
  await afterClaim(log, endPoisonous({ db, log }, left));
  const taken = new Set<string>();
  return deliveryIds.map((id): ClaimOutcome => {
    const claim = claimed.get(id);
    const byMs = early.get(id);
    // What is further off waits in Postgres, not in the queue.
    if (byMs !== undefined && byMs <= HINT_HORIZON_MS) return { outcome: "too_early", byMs };
    if (parked.has(id)) return { outcome: "parked" };
    if (claim === undefined || taken.has(id)) return { outcome: "nothing_to_do" };
    // Two hints for one delivery may share a batch: one of them gets it.
    taken.add(id);
    return { outcome: "claimed", claim };
  });
}

interface LeftRow {
  id: string;
  event_id: string;
  /** null: it is due */
  by_ms: number | null;
}

/** What waits among these still: it is not yet due, or no claim takes it. */
async function findLeft(db: Context["db"], deliveryIds: readonly string[]): Promise<LeftRow[]> {
  if (deliveryIds.length === 0) return [];
  return db.$queryRaw<LeftRow[]>`/* prepared find_left */
    SELECT id, event_id, CASE WHEN next_attempt_at > now() THEN ceil(extract(epoch FROM next_attempt_at - now()) * 1000)::int END AS by_ms
    FROM deliveries
    WHERE id = ANY (${[...deliveryIds]}::uuid[])
      AND ((state = 'pending' AND parked_at IS NULL AND next_attempt_at > now()) OR (${IS_DUE} AND ${FAULTS} >= ${FAULTS_MAX}::int))`;
}

async function endPoisonous({ db, log }: Pick<Context, "db" | "log">, left: readonly LeftRow[]): Promise<void> {
  const due = left.filter(({ by_ms }) => by_ms === null);
  if (due.length === 0) return;
  const failed = await failPoisonous(
    db,
    due.map(({ id, event_id }) => ({ deliveryId: id, eventId: event_id })),
  );
  for (const line of failed) log.warn(line, "delivery.poisoned");
}

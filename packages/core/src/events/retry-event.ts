import type { Transaction } from "@homing/db/client";
import type { Acting } from "../audit-log/actor.js";
import type { Context, Hint } from "../context.js";
import { handOver } from "../deliveries/hint.js";
import { makeDeliveries } from "../deliveries/make.js";
import { openedHint, openSeriesIn, readMoment, type RetryRow } from "../deliveries/open-series.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";
import { RETRYABLE_STATES } from "../deliveries/retry.js";
import { patternsOf } from "../webhooks/match.js";

export interface EventRetryRequest {
  organizationId: string;
  eventId: string;
  /** This webhook alone, whatever its patterns; null: every enabled webhook that matches now. */
  webhookId: string | null;
  /** When the request came in, by `performance.now()`. */
  receivedAtMs: number;
}

export type EventRetryOutcome =
  /** For so many webhooks an attempt is due or under way. */
  | { outcome: "queued"; webhooks: number }
  /** The named webhook is unknown or archived. */
  | { outcome: "webhook_not_found" }
  /** The named webhook is disabled. */
  | { outcome: "webhook_disabled" }
  /** Nothing was queued: the organization's quota has too little left. */
  | { outcome: "quota_exhausted" }
  | { outcome: "not_found" };

/**
 * Sends an event again to the webhooks that are configured now: their deliveries are requeued, and one is made for a webhook that
 * has none, as when it was made after the event was published. All are queued or, when the quota has not enough left, none. Of
 * retries that race one queues, the others find it queued.
 */
export async function retryEvent(
  context: Pick<Context, "db" | "enqueue" | "log"> & Acting,
  request: EventRetryRequest,
): Promise<EventRetryOutcome> {
  try {
    const { outcome, hints } = await context.db.$transaction(
      (transaction) => retryIn(transaction, { ...request, actor: context.actor }),
      TRANSACTION_WAITS,
    );
    void handOver(context, hints);
    return outcome;
  } catch (error) {
    if (error instanceof QuotaExhaustedError) return { outcome: "quota_exhausted" };
    throw error;
  }
}

/** Rolls back what was queued before the quota's end was found. */
class QuotaExhaustedError extends Error {
  override name = "QuotaExhaustedError";
}

interface Retried {
  outcome: EventRetryOutcome;
  hints: Hint[];
}

async function retryIn(transaction: Transaction, request: EventRetryRequest & Acting): Promise<Retried> {
  const { organizationId, eventId, webhookId } = request;
  // The event's row is the lock: of two retries one makes the missing deliveries, and the other finds them.
  const [event] = await transaction.$queryRaw<{ type: string }[]>`
    SELECT type FROM events WHERE id = ${eventId}::uuid AND organization_id = ${organizationId}::uuid FOR UPDATE`;
  if (event === undefined) return refused("not_found");
  const targets = await findTargets(transaction, { ...request, patterns: patternsOf(event.type) });
  const refusal = webhookId === null ? null : refusalOf(targets[0]?.webhook_state);
  if (refusal !== null) return refused(refusal);
  const enabled = targets.filter(({ webhook_state }) => webhook_state === "enabled");
  const existing = enabled.flatMap(({ delivery_id }) => delivery_id ?? []);
  // Before the new ones, which lock the quota: every other retry locks deliveries first, too.
  const rows = await requeue(transaction, request, existing);
  if (rows.some(({ outcome }) => outcome === "quota_exhausted")) throw new QuotaExhaustedError();
  const missing = enabled.flatMap(({ webhook_id, delivery_id }) => (delivery_id === null ? webhook_id : []));
  const made = await makeDeliveries(transaction, request.actor, { organizationId, eventId, webhookIds: missing });
  if (made.length < missing.length) throw new QuotaExhaustedError();
  const queued = rows.filter(isQueued).length + made.length;
  // The named webhook was enabled a moment ago and is no longer.
  if (webhookId !== null && queued === 0) return refused("webhook_disabled");
  return {
    outcome: { outcome: "queued", webhooks: queued },
    hints: [...rows.flatMap(openedHint), ...made],
  };
}

interface Target {
  webhook_id: string;
  webhook_state: "enabled" | "disabled";
  /** The newest delivery of the event for this webhook. */
  delivery_id: string | null;
}

function findTargets(
  transaction: Transaction,
  { organizationId, eventId, webhookId, patterns }: EventRetryRequest & { patterns: string[] },
): Promise<Target[]> {
  return transaction.$queryRaw<Target[]>`
    SELECT webhooks.id AS webhook_id, webhooks.state AS webhook_state, (
      SELECT deliveries.id FROM deliveries
      WHERE event_id = ${eventId}::uuid AND webhook_id = webhooks.id ORDER BY deliveries.id DESC LIMIT 1
    ) AS delivery_id
    FROM webhooks
    WHERE organization_id = ${organizationId}::uuid AND state <> 'archived' AND NOT is_ephemeral
      AND CASE
        WHEN ${webhookId}::uuid IS NULL
          THEN (CASE event_types WHEN '{}' THEN '{*}' ELSE event_types END) && ${patterns}::text[]
        ELSE id = ${webhookId}::uuid
      END
    ORDER BY webhooks.id`;
}

/** Each on its own: a webhook that is disabled at this moment does not keep the others from it. */
async function requeue(
  transaction: Transaction,
  { organizationId, receivedAtMs, actor }: EventRetryRequest & Acting,
  deliveryIds: readonly string[],
): Promise<RetryRow[]> {
  const states = RETRYABLE_STATES;
  const requests = deliveryIds.map((id) => ({ organizationId, deliveryIds: [id], states, receivedAtMs, actor }));
  return openSeriesIn(transaction, requests, await readMoment(transaction));
}

function refusalOf(state: Target["webhook_state"] | undefined): "webhook_not_found" | "webhook_disabled" | null {
  switch (state) {
    case undefined:
      return "webhook_not_found";
    case "disabled":
      return "webhook_disabled";
    case "enabled":
      return null;
    default:
      return state satisfies never;
  }
}

function refused(outcome: Exclude<EventRetryOutcome["outcome"], "queued">): Retried {
  return { outcome: { outcome }, hints: [] };
}

function isQueued({ outcome }: RetryRow): boolean {
  return outcome === "opened" || outcome === "queued_already" || outcome === "in_flight";
}

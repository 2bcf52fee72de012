import type { Transaction } from "@homing/db/client";
import type { Acting, Actor } from "../audit-log/actor.js";
import type { Context, Hint } from "../context.js";
import { handOver } from "./hint.js";
import { makeDeliveries } from "./make.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";

export type ReplayOutcome =
  | { outcome: "queued"; deliveryId: string }
  | { outcome: "not_found" | "webhook_disabled" | "webhook_archived" | "quota_exhausted" };

/** Sends a delivery's event to its webhook as a new record, whatever the state of the old one, which stays as it is. */
export async function replayDelivery(
  context: Pick<Context, "db" | "enqueue" | "log"> & Acting,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<ReplayOutcome> {
  const replayed = await context.db.$transaction(
    (transaction) => replayIn(transaction, context.actor, { organizationId, deliveryId }),
    TRANSACTION_WAITS,
  );
  if (replayed.outcome !== "made") return replayed;
  void handOver(context, [replayed.hint]);
  return { outcome: "queued", deliveryId: replayed.hint.deliveryId };
}

async function replayIn(
  transaction: Transaction,
  actor: Actor,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<Exclude<ReplayOutcome, { outcome: "queued" }> | { outcome: "made"; hint: Hint }> {
  // Reading the event keeps its table until the commit, so that retention cannot take it before it sees the new delivery.
  const [original] = await transaction.$queryRaw<
    { event_id: string; webhook_id: string; webhook_state: "enabled" | "disabled" | "archived" }[]
  >`
    SELECT event_id, webhook_id, webhooks.state AS webhook_state
    FROM deliveries JOIN webhooks ON webhooks.id = webhook_id JOIN events ON events.id = event_id
    WHERE deliveries.id = ${deliveryId}::uuid AND deliveries.organization_id = ${organizationId}::uuid`;
  if (original === undefined) return { outcome: "not_found" };
  const { event_id: eventId, webhook_id: webhookId, webhook_state: state } = original;
  if (state !== "enabled") return { outcome: `webhook_${state}` };
  const [hint] = await makeDeliveries(transaction, actor, {
    organizationId,
    eventId,
    webhookIds: [webhookId],
    replayedFrom: deliveryId,
  });
  return hint === undefined ? { outcome: "quota_exhausted" } : { outcome: "made", hint };
}

import type { Context } from "../context.js";
import { makeDeliveries } from "./make.js";
import { handOver } from "./hint.js";

export type ReplayOutcome =
  | { outcome: "queued"; deliveryId: string }
  | { outcome: "not_found" | "webhook_disabled" | "webhook_archived" | "quota_exhausted" };

/** Sends a delivery's event to its webhook as a new record, whatever the state of the old one, which stays as it is. */
export async function replayDelivery(
  context: Pick<Context, "db" | "enqueue" | "log">,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<ReplayOutcome> {
  const [original] = await context.db.$queryRaw<
    { event_id: string; webhook_id: string; webhook_state: "enabled" | "disabled" | "archived" }[]
  >`
    SELECT event_id, webhook_id, webhooks.state AS webhook_state
    FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
    WHERE deliveries.id = ${deliveryId}::uuid AND deliveries.organization_id = ${organizationId}::uuid`;
  if (original === undefined) return { outcome: "not_found" };
  const { event_id: eventId, webhook_id: webhookId, webhook_state: state } = original;
  if (state !== "enabled") return { outcome: `webhook_${state}` };
  const [made] = await context.db.$transaction((transaction) =>
    makeDeliveries(transaction, { organizationId, eventId, webhookIds: [webhookId] }),
  );
  if (made === undefined) return { outcome: "quota_exhausted" };
  void handOver(context, [{ deliveryId: made, series: 1, number: 1, delayMs: 0 }]);
  return { outcome: "queued", deliveryId: made };
}

import type { Transaction } from "@homing/db/client";
import type { Hint } from "../context.js";
import { lockedQuota } from "../organizations/quota.js";
import { HINT_PATIENCE_MS } from "./hint.js";

/** An event that was published before, and the webhooks that are to get it now. */
export interface NewDeliveries {
  organizationId: string;
  eventId: string;
  webhookIds: readonly string[];
}

/**
 * Makes deliveries of a published event at somebody's wish, due now and counted by the quota: all of them or, when the quota has not
 * so many left, none. Their hints are the caller's to hand over, after its commit.
 * @returns their hints
 */
export async function makeDeliveries(
  transaction: Transaction,
  { organizationId, eventId, webhookIds }: NewDeliveries,
): Promise<Hint[]> {
  if (webhookIds.length === 0) return [];
  const rows = await transaction.$queryRaw<{ id: string; webhook_id: string }[]>`
    WITH ${lockedQuota([organizationId])},
    allowed AS (
      SELECT webhook_id FROM unnest(${[...webhookIds]}::uuid[]) AS t (webhook_id)
      WHERE NOT EXISTS (SELECT FROM quota WHERE remaining < ${webhookIds.length})
    ),
    charged AS (
      UPDATE organizations SET quota_month = this_month, quota_used = used + (SELECT count(*)::int FROM allowed)
      FROM quota WHERE organizations.id = quota.organization_id
    )
    INSERT INTO deliveries (organization_id, event_id, webhook_id, state, series_trigger, next_attempt_at, queued_at, relay_at)
    SELECT ${organizationId}::uuid, ${eventId}::uuid, webhook_id, 'pending', 'manual', now(), now(),
           now() + ${HINT_PATIENCE_MS} * interval '1 millisecond'
    FROM allowed
    RETURNING id, webhook_id`;
  return rows.map(({ id, webhook_id }) => ({
    deliveryId: id,
    organizationId,
    webhookId: webhook_id,
    series: 1,
    number: 1,
    delayMs: 0,
  }));
}

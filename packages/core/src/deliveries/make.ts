import { Prisma, type Transaction } from "@homing/db/client";
import type { Actor } from "../audit-log/actor.js";
import { auditEntries } from "../audit-log/record.js";
import type { Hint } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import { lockedQuota } from "../organizations/quota.js";
import { HINT_PATIENCE_MS } from "./hint.js";

/** An event that was published before, and the webhooks that are to get it now. */
export interface NewDeliveries {
  organizationId: string;
  eventId: string;
  webhookIds: readonly string[];
  /** The delivery that is sent again by it, if there is one. */
  replayedFrom?: string;
}

/**
 * Makes deliveries of a published event at somebody's wish, due now and counted by the quota: all of them or, when the quota has not
 * so many left, none. Their hints are the caller's to hand over, after its commit.
 * @returns their hints
 */
export async function makeDeliveries(
  transaction: Transaction,
  actor: Actor,
  { organizationId, eventId, webhookIds, replayedFrom }: NewDeliveries,
): Promise<Hint[]> {
  if (webhookIds.length === 0) return [];
  const told = JSON.stringify({ event_id: formatEventId(eventId), replayed_from: replayedFrom });
  const rows = await transaction.$queryRaw<{ id: string; webhook_id: string }[]>`
    WITH ${lockedQuota([organizationId])},
    allowed AS (
      SELECT webhook_id FROM unnest(${[...webhookIds]}::uuid[]) AS t (webhook_id)
      WHERE NOT EXISTS (SELECT FROM quota WHERE remaining < ${webhookIds.length})
    ),
    charged AS (
      UPDATE organizations SET quota_month = this_month, quota_used = used + (SELECT count(*)::int FROM allowed)
      FROM quota WHERE organizations.id = quota.organization_id
    ),
    made AS (
    INSERT INTO deliveries (organization_id, event_id, webhook_id, state, series_trigger, next_attempt_at, queued_at, relay_at)
    SELECT ${organizationId}::uuid, ${eventId}::uuid, webhook_id, 'pending', 'manual', now(), now(),
           now() + ${HINT_PATIENCE_MS} * interval '1 millisecond'
    FROM allowed
    RETURNING id, webhook_id
    ),
    audited AS (${auditEntries(
      actor,
      "delivery.replayed",
      Prisma.sql`
          SELECT ${organizationId}::uuid AS organization_id, id::text AS target_id, '{}'::jsonb AS before,
                 ${told}::jsonb || jsonb_build_object('state', 'pending', 'webhook_id', webhook_id) AS after
          FROM made`,
    )}
    )
    SELECT id, webhook_id FROM made`;
  return rows.map(({ id, webhook_id }) => ({
    deliveryId: id,
    organizationId,
    webhookId: webhook_id,
    series: 1,
    number: 1,
    delayMs: 0,
  }));
}

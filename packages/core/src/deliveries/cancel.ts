import { Prisma } from "@homing/db/client";
import type { Acting } from "../audit-log/actor.js";
import { auditEntries } from "../audit-log/record.js";
import type { Context } from "../context.js";
import type { DeliveryState } from "./delivery.js";

export type CancelOutcome =
  | { outcome: "cancelled" }
  | { outcome: "not_found" }
  | { outcome: "in_flight" }
  | { outcome: "finished"; state: DeliveryState };

/** Calls off what has not been sent: pending and held deliveries. What is in flight or finished stays as it is. */
export async function cancelDelivery(
  { db, actor }: Pick<Context, "db"> & Acting,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<CancelOutcome> {
  const [row] = await db.$queryRaw<{ state: DeliveryState; is_cancelled: boolean }[]>`
    WITH target AS MATERIALIZED (
      SELECT id, state FROM deliveries
      WHERE id = ${deliveryId}::uuid AND organization_id = ${organizationId}::uuid
      FOR UPDATE
    ),
    cancelled AS (
      UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, queued_at = NULL, relay_at = NULL, parked_at = NULL, updated_at = now()
      FROM target
      WHERE deliveries.id = target.id AND deliveries.id = ${deliveryId}::uuid AND deliveries.state IN ('pending', 'held')
      RETURNING deliveries.id, organization_id, target.state AS old_state
    ),
    audited AS (${auditEntries(actor, "delivery.cancelled", ENTRIES)}
    )
    SELECT target.state, cancelled.id IS NOT NULL AS is_cancelled FROM target LEFT JOIN cancelled USING (id)`;
  if (row === undefined) return { outcome: "not_found" };
  if (row.is_cancelled) return { outcome: "cancelled" };
  return row.state === "in_flight" ? { outcome: "in_flight" } : { outcome: "finished", state: row.state };
}

const ENTRIES = Prisma.sql`
          SELECT organization_id, id::text AS target_id, jsonb_build_object('state', old_state) AS before, '{"state": "cancelled"}'::jsonb AS after
          FROM cancelled`;

import { Prisma } from "@homing/db/client";
import { leaveNotices } from "./leave.js";

/**
 * A CTE `told_exhausted` that tells of those deliveries of the CTE `settled` that have failed for good: `delivery_id, organization_id,
 * webhook_id, state, attempts_total, last_response_status, last_error, event_name, event_type, is_own`. Of Homing's own events it tells
 * nothing: a listener that fails would be told of its failing for ever.
 */
export function exhaustedNotices(): Prisma.Sql {
  const rows = Prisma.sql`
        SELECT settled.organization_id, jsonb_build_object(
          'delivery_id', delivery_id, 'event_id', event_name, 'event_type', event_type, 'webhook_id', webhook_id,
          'attempts_total', attempts_total, 'last_response_status', last_response_status, 'last_error', last_error
        ) AS payload
        FROM settled JOIN webhooks ON webhooks.id = webhook_id
        WHERE settled.state = 'failed' AND NOT is_own AND NOT is_ephemeral`;
  return Prisma.sql`
    told_exhausted AS (${leaveNotices("homing.delivery.exhausted", rows)}
    )`;
}

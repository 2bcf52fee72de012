import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import type { MovedRow } from "../deliveries/move-due.js";
import { formatEventId } from "../events/event-id.js";
import { isOwnType } from "../webhooks/match.js";
import { leaveNotices } from "./leave.js";

/** Tells of deliveries that ended because none of their attempts left a record. Of Homing's own events it tells nothing. */
export async function tellPoisoned(db: Context["db"], rows: readonly MovedRow[]): Promise<void> {
  const told = rows.filter(({ event_type }) => event_type !== null && !isOwnType(event_type));
  if (told.length === 0) return;
  const notices = Prisma.sql`
    SELECT organization_id, payload::jsonb FROM unnest(
      ${told.map(({ organization_id }) => organization_id)}::uuid[], ${told.map((row) => JSON.stringify(payloadOf(row)))}::text[]
    ) AS t (organization_id, payload)`;
  await db.$executeRaw`${leaveNotices("homing.delivery.exhausted", notices)}`;
}

function payloadOf(row: MovedRow): object {
  return {
    delivery_id: row.delivery_id,
    event_id: formatEventId(row.event_id),
    event_type: row.event_type,
    webhook_id: row.webhook_id,
    attempts_total: row.attempts_total,
    last_response_status: row.last_response_status,
    last_error: row.last_error,
  };
}

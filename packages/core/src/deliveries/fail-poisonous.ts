import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import { exhaustedNotices } from "../notices/exhausted.js";
import { OWN_PREFIX } from "../webhooks/match.js";
import { FAULTS, FAULTS_MAX, IS_DUE, IS_POISONOUS, IS_TAKEN_OVER } from "./move-due.js";

/** A delivery that ended so, as the log tells of it. */
export interface PoisonedLine {
  organization_id: string;
  webhook_id: string;
  delivery_id: string;
  event_type: string | null;
  series: number;
  attempts_in_series: number;
  faults: number;
  reason: string;
}

const REASON = Prisma.sql`(
  ${FAULTS_MAX}::int || ' attempts in a row ended without a record: ' || CASE WHEN is_taken_over THEN 'their worker died or lost its lease' ELSE coalesce(last_error, 'nobody knows why') END
)`;

/**
 * Ends deliveries that are due and whose attempts ended without a record as often as any may, with the reason and in one statement with
 * the notices of it; what is not so any more is passed over.
 * @returns one line for each that ended
 */
export async function failPoisonous(
  db: Context["db"],
  suspects: readonly { deliveryId: string; eventId: string }[],
): Promise<PoisonedLine[]> {
  const ids = suspects.map(({ deliveryId }) => deliveryId);
  return db.$queryRaw<PoisonedLine[]>`
    WITH suspect AS (
      SELECT * FROM unnest(${ids}::uuid[], ${suspects.map(({ eventId }) => formatEventId(eventId))}::text[]) AS t (id, event_name)
    ),
    poisonous AS MATERIALIZED (
      SELECT deliveries.id, event_name, ${FAULTS} AS faults, ${IS_TAKEN_OVER} AS is_taken_over, events.type AS event_type
      FROM deliveries
      JOIN suspect USING (id)
      JOIN webhooks ON webhooks.id = webhook_id
      LEFT JOIN events ON events.id = event_id
      WHERE deliveries.id = ANY (${ids}::uuid[]) AND ${IS_DUE} AND ${IS_POISONOUS}
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    settled AS (
      UPDATE deliveries SET
        state = 'failed',
        faults = poisonous.faults,
        last_error = ${REASON},
        next_attempt_at = NULL,
        lease_until = NULL,
        relay_at = NULL,
        queued_at = NULL,
        updated_at = now()
      FROM poisonous
      WHERE deliveries.id = poisonous.id AND deliveries.id = ANY (${ids}::uuid[]) AND ${IS_DUE}
      RETURNING deliveries.id AS delivery_id, organization_id, webhook_id, state, event_name, event_type, series, attempts_in_series,
        attempts_total, deliveries.faults, last_response_status, last_error, coalesce(starts_with(event_type, ${OWN_PREFIX}), true) AS is_own
    ),
    ${exhaustedNotices()}
    SELECT organization_id, webhook_id, delivery_id, event_type, series, attempts_in_series, faults, last_error AS reason FROM settled`;
}

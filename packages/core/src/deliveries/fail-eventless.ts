import type { Context } from "../context.js";

const ERROR = "its event is gone: it is older than the retention";

/** Ends deliveries in flight whose event retention has taken: there is nothing left to send. */
export async function failEventless(db: Context["db"], deliveryIds: readonly string[]): Promise<void> {
  if (deliveryIds.length === 0) return;
  await db.$executeRaw`
    WITH eventless AS MATERIALIZED (
      SELECT id FROM deliveries
      WHERE id = ANY (${[...deliveryIds]}::uuid[]) AND state = 'in_flight'
        AND NOT EXISTS (SELECT FROM events WHERE events.id = event_id)
      ORDER BY id
      FOR UPDATE
    )
    UPDATE deliveries SET state = 'failed', last_error = ${ERROR}, lease_until = NULL, relay_at = NULL, updated_at = now()
    FROM eventless WHERE deliveries.id = eventless.id AND deliveries.id = ANY (${[...deliveryIds]}::uuid[])`;
}

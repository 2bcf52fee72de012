import type { Bench } from "../measure.js";

const ROWS_PER_STATEMENT = 250_000;

/** What a filled database is to hold, for webhooks that are there already: events of one delivery for each webhook. */
export interface Filling {
  deliveries: number;
  state: "succeeded" | "failed" | "pending";
}

/** Writes deliveries, their events and, of those that are finished, their attempts straight into the database. */
export async function fill({ installation: { db } }: Bench, { deliveries, state }: Filling): Promise<void> {
  const [found] = await db.$queryRaw<{ webhooks: number }[]>`SELECT count(*)::int AS webhooks FROM webhooks`;
  const webhooks = found?.webhooks ?? 0;
  const eventsPerStatement = Math.floor(ROWS_PER_STATEMENT / webhooks);
  for (let events = Math.floor(deliveries / webhooks); events > 0; events -= eventsPerStatement) {
    await db.$executeRawUnsafe(fillStatement({ events: Math.min(events, eventsPerStatement), state }));
  }
  // A history is not of this minute: what Postgres has still to do with so many new rows is no part of what is measured.
  for (const table of ["events", "deliveries", "attempts"]) await db.$executeRawUnsafe(`VACUUM (ANALYZE) ${table}`);
  await db.$executeRawUnsafe("CHECKPOINT");
}

function fillStatement({ events, state }: { events: number; state: Filling["state"] }): string {
  const isFinished = state !== "pending";
  return `
    WITH published AS (
      INSERT INTO events (id, organization_id, type, payload, occurred_at, matched_webhooks)
      SELECT homing_uuid_v7(), organizations.id, 'bench.filling', '{"filling":"${"x".repeat(1_000)}"}', now(), (SELECT count(*) FROM webhooks)
      FROM generate_series(1, ${events}), organizations
      RETURNING id, organization_id
    ),
    made AS (
      INSERT INTO deliveries (organization_id, event_id, webhook_id, state, attempts_in_series, attempts_total, next_attempt_at, relay_at,
                              last_response_status, last_error, delivered_at)
      SELECT published.organization_id, published.id, webhooks.id, '${state}', ${isFinished ? "1, 1, NULL, NULL" : "0, 0, now(), now()"},
             ${state === "succeeded" ? "200, NULL, now()" : state === "failed" ? "500, 'responded 500', NULL" : "NULL, NULL, NULL"}
      FROM published CROSS JOIN webhooks
      RETURNING id
    )
    INSERT INTO attempts (id, delivery_id, series, number, trigger, outcome, response_status, response_body, duration_ms, signature)
    SELECT homing_uuid_v7(), id, 1, 1, 'automatic', 'responded', ${state === "succeeded" ? 200 : 500}, '', 5, sha256(uuid_send(id))
    FROM made WHERE ${isFinished}`;
}

/** Cancels what is left of a filling that is not to be delivered. */
export async function callOff({ installation: { db } }: Bench): Promise<void> {
  await db.$executeRaw`
    UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, queued_at = NULL, relay_at = NULL, parked_at = NULL
    WHERE state = 'pending'`;
}

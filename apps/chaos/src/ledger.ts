import type { Pool } from "pg";
import type { Published } from "./publisher.js";
import { IS_BEHIND_CIRCUIT } from "./recovery.js";
import type { RequestRecord } from "./request-record.js";
import type { StruckFault } from "./strike.js";

export interface EventRow {
  id: string;
  /** The publisher's number; null for an event that it did not publish. */
  number: string | null;
  payloadHash: string;
}

export interface DeliveryRow {
  id: string;
  eventId: string;
  webhookId: string;
  /** The database's, or `behind_circuit`: it waits for its receiver, which is probed. */
  state: string;
}

export interface AttemptRow {
  deliveryId: string;
  series: number;
  number: number;
  outcome: string;
  /** By the clock of the worker that made it (`byOneClock`). */
  startedMs: number;
}

/** All that the judge is shown: what was promised, what the database says, what the receivers saw, what was broken when. */
export interface Ledger {
  published: Published;
  webhooks: readonly { id: string; name: string }[];
  events: readonly EventRow[];
  deliveries: readonly DeliveryRow[];
  attempts: readonly AttemptRow[];
  requests: readonly RequestRecord[];
  faults: readonly StruckFault[];
}

/** The database's part of it. */
export async function readRows(pool: Pool): Promise<Pick<Ledger, "events" | "deliveries" | "attempts">> {
  const events = await pool.query<EventRow>(`
    SELECT id, attributes ->> 'number' AS number, encode(sha256(convert_to(payload, 'UTF8')), 'hex') AS "payloadHash"
    FROM events`);
  const deliveries = await pool.query<DeliveryRow>(`
    SELECT deliveries.id, event_id AS "eventId", webhook_id AS "webhookId",
      CASE WHEN ${IS_BEHIND_CIRCUIT} THEN 'behind_circuit' ELSE deliveries.state::text END AS state
    FROM deliveries JOIN webhooks ON webhooks.id = webhook_id`);
  const attempts = await pool.query<AttemptRow>(`
    SELECT delivery_id AS "deliveryId", series, number, outcome,
      (extract(epoch FROM homing_uuid_time(id)) * 1000)::float8 AS "startedMs"
    FROM attempts`);
  return { events: events.rows, deliveries: deliveries.rows, attempts: attempts.rows };
}

/**
 * The attempts, begun when their requests were received, where they were: a worker's clock may be wrong, and both carry its time.
 * An attempt and its request are of one second of it.
 */
export function byOneClock({ attempts, requests }: Pick<Ledger, "attempts" | "requests">): AttemptRow[] {
  const receivedMs = new Map(
    requests.map((request) => [`${request.deliveryId} ${request.timestamp}`, request.receivedMs]),
  );
  return attempts.map((attempt) => {
    const seconds = Math.floor(attempt.startedMs / 1_000);
    return { ...attempt, startedMs: receivedMs.get(`${attempt.deliveryId} ${seconds}`) ?? attempt.startedMs };
  });
}

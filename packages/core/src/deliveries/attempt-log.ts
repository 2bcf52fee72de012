import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import type { Weighed } from "../events/payloads.js";
import { type KeptRequest, requestHeadersOf, type Sent } from "./attempt-row.js";

/** One attempt as its delivery's owner reads it: made, due or under way; `withPayloads` loads what was sent. */
export interface AttemptEntry extends Weighed {
  /** The attempt's; the delivery's while the attempt has not been made. */
  id: string;
  deliveryId: string;
  webhookId: string;
  /** The webhook's, as it is now. */
  url: string;
  /** Counted over all series of its delivery, from 1. */
  number: number;
  state: "waiting" | "in_flight" | "succeeded" | "failed";
  /** Credentials are redacted; empty while the attempt has not been made. */
  requestHeaders: Record<string, string>;
  responseStatus: number | null;
  /** The first 4096 bytes. */
  responseBody: string | null;
  error: string | null;
  durationMs: number | null;
  /** When it was made; of one that was not, since when it is due or under way. */
  createdAt: Date;
  /** When its delivery is tried again, if this is the last attempt of a schedule that goes on. */
  nextAttemptAt: Date | null;
}

/** Attempts carry no index by time, so a webhook's newest are looked for among its newest deliveries. */
const DELIVERIES_LOOKED_AT_MAX = 10_000;

export interface AttemptLogRequest {
  organizationId: string;
  /** Of this event or of this webhook. */
  of: { eventId: string } | { webhookId: string };
  limit: number;
}

interface EntryRow {
  id: string;
  delivery_id: string;
  event_id: string;
  event_type: string;
  webhook_id: string;
  url: string;
  number: number;
  state: AttemptEntry["state"];
  payload_bytes: number;
  request_headers: unknown;
  signature: string | null;
  response_status: number | null;
  response_body: string | null;
  error: string | null;
  duration_ms: number | null;
  created_at: Date;
  next_attempt_at: Date | null;
}

/** The attempts of an event or of a webhook, also those that are due or under way, newest first; none of what is not the organization's. */
export async function listAttemptLog(
  { db }: Pick<Context, "db">,
  { organizationId, of, limit }: AttemptLogRequest,
): Promise<AttemptEntry[]> {
  const isOf =
    "eventId" in of ? Prisma.sql`event_id = ${of.eventId}::uuid` : Prisma.sql`webhook_id = ${of.webhookId}::uuid`;
  const rows = await db.$queryRaw<EntryRow[]>`
    WITH looked AS MATERIALIZED (
      SELECT * FROM deliveries WHERE ${isOf} AND organization_id = ${organizationId}::uuid
      ORDER BY id DESC LIMIT ${DELIVERIES_LOOKED_AT_MAX}
    ),
    entry AS MATERIALIZED (
      ${ENTRIES}
      ORDER BY created_at DESC, id DESC
      LIMIT ${limit}
    )
    SELECT entry.*, looked.event_id, events.type AS event_type, looked.webhook_id, webhooks.url, octet_length(events.payload) AS payload_bytes,
           request_headers, encode(signature, 'base64') AS signature, response_body
    FROM entry
    JOIN looked ON looked.id = entry.delivery_id
    JOIN webhooks ON webhooks.id = looked.webhook_id
    JOIN events ON events.id = looked.event_id
    LEFT JOIN attempts
      ON attempts.delivery_id = entry.delivery_id AND attempts.series = entry.series AND attempts.number = entry.place
    ORDER BY entry.created_at DESC, entry.id DESC`;
  return rows.map(toEntry);
}

/** The attempts that were made, and one for each delivery that is due, held or being sent. Texts are read once the page is chosen. */
const ENTRIES = Prisma.sql`
      SELECT made.id, made.delivery_id, made.series, made.number AS place, made.attempt AS number,
             CASE WHEN outcome = 'responded' AND response_status BETWEEN 200 AND 299 THEN 'succeeded' ELSE 'failed' END AS state,
             response_status, error, duration_ms, made.created_at,
             CASE WHEN looked.state = 'pending' AND made.series = looked.series AND made.number = attempts_in_series
               THEN next_attempt_at END AS next_attempt_at
      FROM looked CROSS JOIN LATERAL (
        SELECT id, delivery_id, series, number, outcome, response_status, error, duration_ms, homing_uuid_time(id) AS created_at,
               (row_number() OVER (ORDER BY series, number))::int AS attempt
        FROM attempts WHERE delivery_id = looked.id
      ) made
      UNION ALL
      SELECT id, id, NULL, NULL, attempts_total + 1, CASE state WHEN 'in_flight' THEN 'in_flight' ELSE 'waiting' END,
             NULL, NULL, NULL, updated_at, NULL
      FROM looked
      WHERE state IN ('in_flight', 'held') OR (state = 'pending' AND attempts_in_series = 0)`;

function toKeptRequest({ id, signature, request_headers: requestHeaders }: EntryRow): KeptRequest {
  return { id, signature, requestHeaders };
}

function toSent({ delivery_id: deliveryId, event_id: eventId, event_type: eventType }: EntryRow): Sent {
  return { deliveryId, eventName: formatEventId(eventId), eventType };
}

function toEntry(row: EntryRow): AttemptEntry {
  return {
    id: row.id,
    deliveryId: row.delivery_id,
    eventId: row.event_id,
    webhookId: row.webhook_id,
    url: row.url,
    number: row.number,
    state: row.state,
    payloadBytes: row.payload_bytes,
    requestHeaders: row.duration_ms === null ? {} : requestHeadersOf(toKeptRequest(row), toSent(row)),
    responseStatus: row.response_status,
    responseBody: row.response_body,
    error: row.error,
    durationMs: row.duration_ms,
    createdAt: row.created_at,
    nextAttemptAt: row.next_attempt_at,
  };
}

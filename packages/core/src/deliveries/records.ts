import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import { type WithPayload, withPayload } from "../events/payloads.js";
import type { Outcome } from "../outcome.js";
import { resolveRetryPolicy } from "../retry-schedule.js";
import { textsOf } from "../texts.js";
import { toRetryPolicy } from "../webhooks/webhook.js";
import { requestHeadersOf, responseHeadersOf } from "./attempt-row.js";
import { type Delivery, SHOWN_STATE_SQL, type ShownState } from "./delivery.js";
import { type DeliveryRow, DELIVERY_COLUMNS, toDelivery } from "./read.js";

/** Rows before an offset are looked at one by one and thrown away: a list goes no deeper. */
export const OFFSET_MAX = 100_000;

/** A delivery with what was sent and what came back last: what foreign contracts call a delivery. */
export type DeliveryRecord = WithPayload<DeliveryEntry>;

/** A delivery's record on a list: `withPayloads` loads what was sent. */
export interface DeliveryEntry extends Delivery {
  organizationId: string;
  payloadBytes: number;
  attributes: Record<string, string>;
  webhookNumber: number;
  /** How many retries its webhook's policy gives a series. */
  retriesMax: number;
  lastAttempt: LastAttempt | null;
}

export interface LastAttempt {
  outcome: Outcome;
  responseStatus: number | null;
  responseHeaders: Record<string, string> | null;
  responseBody: string | null;
  requestHeaders: Record<string, string>;
  durationMs: number;
  error: string | null;
}

export interface RecordFilter {
  organizationId: string;
  webhookId?: string;
  /** Any of these states. */
  states?: readonly Delivery["state"][];
  /** Any of these, `retrying` told apart from `pending`. */
  shownStates?: readonly ShownState[];
  limit: number;
  /** At most `OFFSET_MAX`. */
  offset?: number;
}

interface RecordRow extends DeliveryRow {
  organization_id: string;
  payload_bytes: number;
  attributes: unknown;
  webhook_number: bigint;
  retry_policy: unknown;
  attempt_id: string | null;
  outcome: Outcome | null;
  response_status: number | null;
  response_headers: unknown;
  response_body: string | null;
  request_headers: unknown;
  signature: string | null;
  duration_ms: number | null;
  error: string | null;
}

/** An organization's deliveries with their last attempts, newest first, without those of tests of bare URLs. */
export async function listRecords({ db }: Pick<Context, "db">, filter: RecordFilter): Promise<DeliveryEntry[]> {
  const { organizationId, webhookId, states, shownStates, limit, offset = 0 } = filter;
  const conditions = [
    Prisma.sql`organization_id = ${organizationId}::uuid`,
    Prisma.sql`webhook_id NOT IN (SELECT id FROM webhooks WHERE organization_id = ${organizationId}::uuid AND is_ephemeral)`,
    // Retention may have taken the event of what was replayed.
    Prisma.sql`EXISTS (SELECT FROM events WHERE events.id = event_id)`,
    webhookId && Prisma.sql`webhook_id = ${webhookId}::uuid`,
    states && Prisma.sql`state::text = ANY (${[...states]}::text[])`,
    shownStates && Prisma.sql`${SHOWN_STATE_SQL} = ANY (${[...shownStates]}::text[])`,
  ].filter((condition) => condition instanceof Prisma.Sql);
  const rows = await db.$queryRaw<RecordRow[]>`
    WITH page AS MATERIALIZED (
      SELECT id FROM deliveries WHERE ${Prisma.join(conditions, " AND ")}
      ORDER BY id DESC LIMIT ${limit} OFFSET ${offset}
    )
    ${SELECT_RECORDS}
    WHERE d.id IN (SELECT id FROM page)
    ORDER BY d.id DESC`;
  return rows.map(toEntry);
}

/** One delivery of an organization with its last attempt, also of a test; or null. */
export async function findRecord(
  { db }: Pick<Context, "db">,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<DeliveryRecord | null> {
  const [row] = await db.$queryRaw<RecordRow[]>`
    ${SELECT_RECORDS}
    WHERE d.id = ${deliveryId}::uuid AND d.organization_id = ${organizationId}::uuid`;
  return row ? withPayload({ db }, { organizationId, item: toEntry(row) }) : null;
}

const SELECT_RECORDS = Prisma.sql`
    SELECT ${DELIVERY_COLUMNS}, d.organization_id, octet_length(events.payload) AS payload_bytes, events.attributes,
           webhooks.number AS webhook_number, webhooks.retry_policy, last.*
    FROM deliveries d
    JOIN events ON events.id = d.event_id
    JOIN webhooks ON webhooks.id = d.webhook_id
    LEFT JOIN LATERAL (
      SELECT attempts.id AS attempt_id, outcome, response_status, response_headers, response_body, request_headers,
             encode(signature, 'base64') AS signature, duration_ms, error
      FROM attempts WHERE delivery_id = d.id ORDER BY series DESC, attempts.number DESC LIMIT 1
    ) last ON true`;

function toEntry(row: RecordRow): DeliveryEntry {
  return {
    ...toDelivery(row),
    organizationId: row.organization_id,
    payloadBytes: row.payload_bytes,
    attributes: textsOf(row.attributes),
    webhookNumber: Number(row.webhook_number),
    retriesMax: resolveRetryPolicy(toRetryPolicy(row.retry_policy)).delaysSeconds.length,
    lastAttempt:
      row.attempt_id === null || row.outcome === null
        ? null
        : toLastAttempt(row, { id: row.attempt_id, outcome: row.outcome }),
  };
}

function toLastAttempt(row: RecordRow, { id, outcome }: { id: string; outcome: Outcome }): LastAttempt {
  const { response_status: responseStatus, response_body: responseBody, signature, error } = row;
  const durationMs = row.duration_ms ?? 0;
  const { request_headers: requestHeaders, response_headers: responseHeaders } = row;
  const sent = { deliveryId: row.id, eventName: formatEventId(row.event_id), eventType: row.event_type };
  const kept = { id, signature, durationMs, responseStatus, responseBody, requestHeaders, responseHeaders };
  return {
    outcome,
    responseStatus,
    responseHeaders: responseHeadersOf(kept),
    responseBody,
    requestHeaders: requestHeadersOf(kept, sent),
    durationMs,
    error,
  };
}

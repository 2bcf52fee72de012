import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import type { Outcome } from "../outcome.js";
import { resolveRetryPolicy } from "../retry-schedule.js";
import { textsOf } from "../texts.js";
import { toRetryPolicy } from "../webhooks/webhook.js";
import type { Delivery } from "./delivery.js";
import { type DeliveryRow, DELIVERY_COLUMNS, toDelivery } from "./read.js";

/** A delivery with what was sent and what came back last: what foreign contracts call a delivery. */
export interface DeliveryRecord extends Delivery {
  organizationId: string;
  /** The JSON text that was published. */
  payload: string;
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
  deliveryIds?: readonly string[];
  numbers?: readonly number[];
  webhookId?: string;
  /** Any of these states. */
  states?: readonly Delivery["state"][];
  /** Any of these, `retrying` told apart from `pending`. */
  shownStates?: readonly (Delivery["state"] | "retrying")[];
  limit: number;
  offset?: number;
}

interface RecordRow extends DeliveryRow {
  organization_id: string;
  payload: string;
  attributes: unknown;
  webhook_number: bigint;
  retry_policy: unknown;
  outcome: Outcome | null;
  response_status: number | null;
  response_headers: unknown;
  response_body: string | null;
  request_headers: unknown;
  duration_ms: number | null;
  error: string | null;
}

/** An organization's deliveries with their last attempts, newest first. */
export async function listRecords({ db }: Pick<Context, "db">, filter: RecordFilter): Promise<DeliveryRecord[]> {
  const { organizationId, deliveryIds, numbers, webhookId, states, shownStates, limit, offset = 0 } = filter;
  const conditions = [
    Prisma.sql`d.organization_id = ${organizationId}::uuid`,
    deliveryIds && Prisma.sql`d.id = ANY (${[...deliveryIds]}::uuid[])`,
    numbers && Prisma.sql`d.number = ANY (${[...numbers]}::bigint[])`,
    webhookId && Prisma.sql`d.webhook_id = ${webhookId}::uuid`,
    states && Prisma.sql`d.state::text = ANY (${[...states]}::text[])`,
    shownStates &&
      Prisma.sql`(CASE WHEN d.state = 'pending' AND d.attempts_in_series > 0 THEN 'retrying' ELSE d.state::text END)
        = ANY (${[...shownStates]}::text[])`,
  ].filter((condition) => condition instanceof Prisma.Sql);
  const rows = await db.$queryRaw<RecordRow[]>`
    SELECT ${DELIVERY_COLUMNS}, d.organization_id, events.payload, events.attributes, webhooks.number AS webhook_number,
           webhooks.retry_policy, last.*
    FROM deliveries d
    JOIN events ON events.id = d.event_id
    JOIN webhooks ON webhooks.id = d.webhook_id
    LEFT JOIN LATERAL (
      SELECT outcome, response_status, response_headers, response_body, request_headers, duration_ms, error
      FROM attempts WHERE delivery_id = d.id ORDER BY series DESC, attempts.number DESC LIMIT 1
    ) last ON true
    WHERE ${Prisma.join(conditions, " AND ")}
    ORDER BY d.id DESC
    LIMIT ${limit} OFFSET ${offset}`;
  return rows.map(toRecord);
}

function toRecord(row: RecordRow): DeliveryRecord {
  return {
    ...toDelivery(row),
    organizationId: row.organization_id,
    payload: row.payload,
    attributes: textsOf(row.attributes),
    webhookNumber: Number(row.webhook_number),
    retriesMax: resolveRetryPolicy(toRetryPolicy(row.retry_policy)).delaysSeconds.length,
    lastAttempt: row.outcome === null ? null : toLastAttempt(row, row.outcome),
  };
}

function toLastAttempt(row: RecordRow, outcome: Outcome): LastAttempt {
  return {
    outcome,
    responseStatus: row.response_status,
    responseHeaders: row.response_headers === null ? null : textsOf(row.response_headers),
    responseBody: row.response_body,
    requestHeaders: textsOf(row.request_headers),
    durationMs: row.duration_ms ?? 0,
    error: row.error,
  };
}

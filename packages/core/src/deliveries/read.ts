import { Prisma } from "@homing/db/client";
import { uuidFloor, uuidTime } from "@homing/db/week";
import type { Context } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { requestHeadersOf, responseHeadersOf, type Sent } from "./attempt-row.js";
import type { Attempt, Delivery, DeliveryState } from "./delivery.js";

export interface DeliveryFilter {
  /** The one webhook whose deliveries may be seen, whatever `webhookId` asks for. */
  heldTo?: string;
  state?: DeliveryState;
  webhookId?: string;
  eventId?: string;
  eventType?: string;
  /** Made at this time or later. */
  since?: Date;
  /** Made before this time. */
  until?: Date;
}

export interface DeliveryRow {
  id: string;
  number: bigint;
  event_id: string;
  event_type: string;
  webhook_id: string;
  state: DeliveryState;
  series: number;
  attempts_in_series: number;
  attempts_total: number;
  next_attempt_at: Date | null;
  last_response_status: number | null;
  last_error: string | null;
  delivered_at: Date | null;
  updated_at: Date;
}

/** Of `deliveries d` joined with `events`. */
export const DELIVERY_COLUMNS = Prisma.sql`d.id, d.number, d.event_id, events.type AS event_type, d.webhook_id, d.state, d.series,
  d.attempts_in_series, d.attempts_total, d.next_attempt_at, d.last_response_status, d.last_error, d.delivered_at, d.updated_at`;

const SELECT_DELIVERIES = Prisma.sql`SELECT ${DELIVERY_COLUMNS} FROM deliveries d JOIN events ON events.id = d.event_id`;

/** One delivery of an organization, or null. */
export async function findDelivery(
  { db }: Pick<Context, "db">,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<Delivery | null> {
  const [row] = await db.$queryRaw<DeliveryRow[]>`
    ${SELECT_DELIVERIES}
    WHERE d.id = ${deliveryId}::uuid AND d.organization_id = ${organizationId}::uuid`;
  return row ? toDelivery(row) : null;
}

/** An organization's deliveries, newest first. Tests of bare URLs are found by their event alone. */
export async function listDeliveries(
  { db }: Pick<Context, "db">,
  request: PageRequest & { filter: DeliveryFilter },
): Promise<Page<Delivery>> {
  const { organizationId, limit, after, filter } = request;
  const conditions = [
    Prisma.sql`d.organization_id = ${organizationId}::uuid`,
    after && Prisma.sql`d.id < ${after}::uuid`,
    filter.state && Prisma.sql`d.state = ${filter.state}::delivery_state`,
    filter.heldTo && Prisma.sql`d.webhook_id = ${filter.heldTo}::uuid`,
    filter.webhookId && Prisma.sql`d.webhook_id = ${filter.webhookId}::uuid`,
    filter.eventId === undefined
      ? Prisma.sql`NOT EXISTS (SELECT FROM webhooks WHERE webhooks.id = d.webhook_id AND is_ephemeral)`
      : Prisma.sql`d.event_id = ${filter.eventId}::uuid`,
    filter.eventType && Prisma.sql`events.type = ${filter.eventType}`,
    // A UUIDv7 is its time of making, so the key itself answers since and until.
    filter.since && Prisma.sql`d.id >= ${uuidFloor(filter.since.getTime())}::uuid`,
    filter.until && Prisma.sql`d.id < ${uuidFloor(filter.until.getTime())}::uuid`,
  ].filter((condition) => condition instanceof Prisma.Sql);
  const rows = await db.$queryRaw<DeliveryRow[]>`
    ${SELECT_DELIVERIES}
    WHERE ${Prisma.join(conditions, " AND ")}
    ORDER BY d.id DESC
    LIMIT ${limit + 1}`;
  return toPage(rows.map(toDelivery), limit);
}

/** The attempts of one delivery, first to last; null when the organization has no such delivery. */
export async function listAttempts(
  { db }: Pick<Context, "db">,
  { organizationId, deliveryId, limit, after }: PageRequest & { deliveryId: string },
): Promise<Page<Attempt> | null> {
  const [delivery] = await db.$queryRaw<{ id: string; event_id: string; event_type: string | null }[]>`
    SELECT d.id, event_id, events.type AS event_type
    FROM deliveries d LEFT JOIN events ON events.id = d.event_id
    WHERE d.id = ${deliveryId}::uuid AND d.organization_id = ${organizationId}::uuid`;
  if (delivery === undefined) return null;
  const { id, event_id: eventId, event_type: eventType } = delivery;
  const sent: Sent = { deliveryId: id, eventName: formatEventId(eventId), eventType };
  const rows = await db.attempt.findMany({
    where: { deliveryId, ...(after !== null && { id: { gt: after } }) },
    orderBy: { id: "asc" },
    take: limit + 1,
  });
  const attempts = rows.map((row) => {
    const kept = { ...row, signature: row.signature && Buffer.from(row.signature).toString("base64") };
    return {
      ...row,
      requestHeaders: requestHeadersOf(kept, sent),
      responseHeaders: responseHeadersOf(kept),
      createdAt: uuidTime(row.id),
    };
  });
  return toPage(attempts, limit);
}

/** A delivery as a row of `DELIVERY_COLUMNS` holds it. */
export function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    number: Number(row.number),
    eventId: row.event_id,
    eventType: row.event_type,
    webhookId: row.webhook_id,
    state: row.state,
    series: row.series,
    attemptsInSeries: row.attempts_in_series,
    attemptsTotal: row.attempts_total,
    nextAttemptAt: row.next_attempt_at,
    lastResponseStatus: row.last_response_status,
    lastError: row.last_error,
    deliveredAt: row.delivered_at,
    createdAt: uuidTime(row.id),
    updatedAt: row.updated_at,
  };
}

import { Prisma } from "@homing/db/client";
import { isItemFault } from "@homing/db/faults";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import type { DeliveryState } from "./delivery.js";

const DAYS_DEFAULT = 30;
const OFFSET = /(?:Z|[+-]\d{2}:\d{2})$/i;

/** Which deliveries to count, by the day they were made on. */
export interface DailyCountRequest {
  organizationId: string;
  webhookId?: string;
  /** ISO 8601, in `timeZone` where it has no offset of its own; 30 days before the end unless given. */
  start?: string;
  /** As `start`, itself included; now unless given. */
  end?: string;
  /** IANA name: where a day begins and ends. */
  timeZone: string;
}

/** The deliveries of one day, one webhook and one state; `retrying` is told apart from `pending`. */
export interface DailyCount {
  /** When the day began where it was counted. */
  dayStart: Date;
  webhookNumber: number;
  state: DeliveryState | "retrying";
  deliveries: number;
  attempts: number;
}

/** How many deliveries were ever made for a webhook of an organization. */
export async function countDeliveries(
  { db }: Pick<Context, "db">,
  { organizationId, webhookId }: { organizationId: string; webhookId: string },
): Promise<number> {
  return db.delivery.count({ where: { organizationId, webhookId } });
}

/**
 * An organization's deliveries for each day, webhook and state, in the order of the days; what has none is left out, and so are tests
 * of bare URLs.
 * @throws DomainError `validation_error` when the time zone is not known to the database
 */
export async function countDeliveriesByDay(
  { db }: Pick<Context, "db">,
  { organizationId, webhookId, start, end, timeZone }: DailyCountRequest,
): Promise<DailyCount[]> {
  const until = end === undefined ? Prisma.sql`now()` : instant(end, timeZone);
  const from =
    start === undefined ? Prisma.sql`${until} - ${DAYS_DEFAULT} * interval '1 day'` : instant(start, timeZone);
  const ofWebhook = webhookId === undefined ? Prisma.sql`true` : Prisma.sql`webhook_id = ${webhookId}::uuid`;
  const counting = db.$queryRaw<CountRow[]>`
    SELECT date_trunc('day', deliveries.created_at, ${timeZone}) AS day_start, webhooks.number AS webhook_number,
           CASE WHEN deliveries.state = 'pending' AND attempts_in_series > 0 THEN 'retrying' ELSE deliveries.state::text END AS state,
           count(*)::int AS deliveries, sum(attempts_total)::int AS attempts
    FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
    WHERE deliveries.organization_id = ${organizationId}::uuid AND NOT is_ephemeral AND ${ofWebhook}
      AND deliveries.created_at BETWEEN ${from} AND ${until}
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3`;
  return (await refusingItemFaults(counting)).map((row) => ({
    dayStart: row.day_start,
    webhookNumber: Number(row.webhook_number),
    state: row.state,
    deliveries: row.deliveries,
    attempts: row.attempts,
  }));
}

interface CountRow {
  day_start: Date;
  webhook_number: bigint;
  state: DailyCount["state"];
  deliveries: number;
  attempts: number;
}

function instant(text: string, timeZone: string): Prisma.Sql {
  return OFFSET.test(text)
    ? Prisma.sql`${text}::timestamptz`
    : Prisma.sql`(${text}::timestamp AT TIME ZONE ${timeZone})`;
}

/** Zones come and go: the database may not know one that its caller does. */
async function refusingItemFaults<Rows>(counting: Promise<Rows>): Promise<Rows> {
  try {
    return await counting;
  } catch (error) {
    if (isItemFault(error)) throw new DomainError("validation_error", "a time or the time zone is not known");
    throw error;
  }
}

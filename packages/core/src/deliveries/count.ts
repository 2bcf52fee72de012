import { Prisma } from "@homing/db/client";
import { isDatabaseAway, isItemFault } from "@homing/db/faults";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { SHOWN_STATE_SQL, type ShownState } from "./delivery.js";

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
  state: ShownState;
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
    SELECT day_start, webhooks.number AS webhook_number, counted.state, deliveries, attempts
    FROM (
      SELECT date_trunc('day', homing_uuid_time(id), ${timeZone}) AS day_start, webhook_id, ${SHOWN_STATE_SQL} AS state,
             count(*)::int AS deliveries, sum(attempts_total)::int AS attempts
      FROM deliveries
      WHERE organization_id = ${organizationId}::uuid AND ${ofWebhook}
        AND id >= ${idFloor(from)} AND id < ${idFloor(Prisma.sql`${until} + interval '1 millisecond'`)}
      GROUP BY 1, 2, 3
    ) counted
    JOIN webhooks ON webhooks.id = webhook_id
    WHERE NOT is_ephemeral
    ORDER BY day_start, webhooks.number, counted.state`;
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

/** The smallest id of the millisecond of an instant. */
function idFloor(moment: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`homing_uuid_floor(greatest(${moment}, 'epoch'))`;
}

/** Zones come and go: the database may not know one that its caller does. */
async function refusingItemFaults<Rows>(counting: Promise<Rows>): Promise<Rows> {
  try {
    return await counting;
  } catch (error) {
    if (isItemFault(error) && !isDatabaseAway(error))
      throw new DomainError("validation_error", "a time or the time zone is not known");
    throw error;
  }
}

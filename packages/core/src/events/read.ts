import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { textsOf } from "../texts.js";
import type { Event } from "./event.js";

interface EventRow extends Omit<Event, "attributes"> {
  attributes: unknown;
}

/** One event of an organization, or null. */
export async function findEvent(
  { db }: Pick<Context, "db">,
  { organizationId, eventId }: { organizationId: string; eventId: string },
): Promise<Event | null> {
  const row = await db.event.findFirst({ where: { id: eventId, organizationId } });
  return row && toEvent(row);
}

/** An organization's events, newest first. */
export async function listEvents(
  { db }: Pick<Context, "db">,
  { organizationId, limit, after, type }: PageRequest & { type: string | null },
): Promise<Page<Event>> {
  const rows = await db.event.findMany({
    where: { organizationId, ...(type !== null && { type }), ...(after !== null && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return toPage(rows.map(toEvent), limit);
}

function toEvent(row: EventRow): Event {
  return { ...row, attributes: textsOf(row.attributes) };
}

import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { textsOf } from "../texts.js";
import type { Event } from "./event.js";

/** All of an event but its payload, of which a page would have no bound. */
export type EventSummary = Omit<Event, "payload">;

/** One event of an organization, or null. */
export async function findEvent(
  { db }: Pick<Context, "db">,
  { organizationId, eventId }: { organizationId: string; eventId: string },
): Promise<Event | null> {
  const row = await db.event.findFirst({ where: { id: eventId, organizationId } });
  return row && { ...row, attributes: textsOf(row.attributes) };
}

/** An organization's events without their payloads, newest first. */
export async function listEvents(
  { db }: Pick<Context, "db">,
  { organizationId, limit, after, type }: PageRequest & { type: string | null },
): Promise<Page<EventSummary>> {
  const rows = await db.event.findMany({
    where: { organizationId, ...(type !== null && { type }), ...(after !== null && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit + 1,
    omit: { payload: true },
  });
  return toPage(
    rows.map((row) => ({ ...row, attributes: textsOf(row.attributes) })),
    limit,
  );
}

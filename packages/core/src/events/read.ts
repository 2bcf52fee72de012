import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { textsOf } from "../texts.js";
import type { Event } from "./event.js";

/** All of an event but its payload, of which a page would have no bound. */
export type EventSummary = Omit<Event, "payload">;

/**
 * One event of an organization, or null.
 * @param name.heldTo the one webhook through which it may be seen: an event that it did not get is null, and how many others got one is not told
 */
export async function findEvent(
  { db }: Pick<Context, "db">,
  { organizationId, eventId, heldTo = null }: { organizationId: string; eventId: string; heldTo?: string | null },
): Promise<Event | null> {
  const row = await db.event.findFirst({ where: { id: eventId, organizationId } });
  if (row === null) return null;
  const event = { ...row, attributes: textsOf(row.attributes) };
  if (heldTo === null) return event;
  const delivery = await db.delivery.findFirst({ where: { eventId, webhookId: heldTo }, select: { id: true } });
  return delivery && { ...event, matchedWebhooks: 1 };
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

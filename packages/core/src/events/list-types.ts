import type { Context } from "../context.js";

/** Only so many of the newest events are looked at: types are few and come again. */
const EVENTS_MAX = 10_000;

/** The types of an organization's newest events, in the order of the alphabet. */
export async function listEventTypes(
  { db }: Pick<Context, "db">,
  { organizationId }: { organizationId: string },
): Promise<string[]> {
  const rows = await db.$queryRaw<{ type: string }[]>`
    SELECT DISTINCT type FROM (
      SELECT type FROM events WHERE organization_id = ${organizationId}::uuid ORDER BY id DESC LIMIT ${EVENTS_MAX}
    ) newest
    ORDER BY type`;
  return rows.map(({ type }) => type);
}

import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { openLines } from "../lanes/line.js";

/**
 * Longer than any publish can run: one that read the webhook as disabled may still insert a held delivery after the
 * enable, so the relay goes on looking for that long.
 */
export const RELEASE_WATCH_MS = 60_000;
/** Of all webhooks together: a statement for more might not end in its time. */
const RELEASED_AT_ONCE_MAX = 5_000;

/**
 * Releases held deliveries of webhooks that were enabled again (or archived: their claim cancels them), oldest first, at most
 * `limit` for each webhook: they go into the webhook's line, which lets them out at a bounded rate (see known-lines.ts), beside what is
 * published now. The release ends when the head of the line is newer than it.
 * @returns how many were released
 */
export async function releaseHeld({ db }: Pick<Context, "db">, { limit }: { limit: number }): Promise<number> {
  const released = await db.$queryRaw<unknown[]>`
    WITH held AS (
      SELECT oldest.id
      FROM webhooks
      CROSS JOIN LATERAL (
        SELECT id FROM deliveries
        WHERE webhook_id = webhooks.id AND state = 'held'
        ORDER BY event_id
        LIMIT ${limit}
        FOR UPDATE SKIP LOCKED
      ) oldest
      WHERE webhooks.releasing_until IS NOT NULL AND webhooks.state <> 'disabled'
      LIMIT ${RELEASED_AT_ONCE_MAX}
    ),
    released AS (
      UPDATE deliveries SET state = 'pending', next_attempt_at = now(), parked_at = now(), updated_at = now()
      WHERE id = ANY (ARRAY (SELECT id FROM held)) AND state = 'held'
      RETURNING webhook_id
    ),
    lined AS (${openLines(Prisma.sql`released`, 0)})
    SELECT webhook_id FROM released`;
  if (released.length === 0) await endReleases(db);
  return released.length;
}

async function endReleases(db: Context["db"]): Promise<void> {
  await db.$executeRaw`
    UPDATE webhooks SET releasing_until = NULL
    WHERE releasing_until < now()
      AND NOT EXISTS (SELECT FROM deliveries WHERE webhook_id = webhooks.id AND state = 'held')
      AND NOT coalesce((
        SELECT homing_uuid_time(id) < releasing_until FROM deliveries
        WHERE webhook_id = webhooks.id AND parked_at IS NOT NULL
        ORDER BY number LIMIT 1
      ), false)`;
}

import type { Context } from "../context.js";

/**
 * Longer than any publish can run: one that read the webhook as disabled may still insert a held delivery after the
 * enable, so the relay goes on looking for that long.
 */
export const RELEASE_WATCH_MS = 60_000;

/**
 * Releases held deliveries of webhooks that were enabled again (or archived: their claim cancels them), oldest first, at most
 * `limit` for each webhook: they are due at once and the relay hands them over.
 * @returns how many were released
 */
export async function releaseHeld({ db }: Pick<Context, "db">, { limit }: { limit: number }): Promise<number> {
  const released = await db.$executeRaw`
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
    )
    UPDATE deliveries SET state = 'pending', next_attempt_at = now(), relay_at = now(), updated_at = now()
    WHERE id = ANY (ARRAY (SELECT id FROM held)) AND state = 'held'`;
  if (released === 0) await endReleases(db);
  return released;
}

async function endReleases(db: Context["db"]): Promise<void> {
  await db.$executeRaw`
    UPDATE webhooks SET releasing_until = NULL
    WHERE releasing_until < now()
      AND NOT EXISTS (SELECT FROM deliveries WHERE webhook_id = webhooks.id AND state = 'held')`;
}

import { Prisma, type Transaction } from "@homing/db/client";

/** When somebody looks at a new line that nobody pulls from. */
const FIRST_PAUSE_MS = 1_000;

/**
 * Whether all deliveries of `webhooks` go through its line: their order, their rate or a circuit breaker is kept by the line's pulls,
 * of which there is one at a time.
 */
export const IS_LINED = Prisma.sql`
  (webhooks.ordering = 'event' OR webhooks.rate_limit_count IS NOT NULL OR webhooks.circuit <> 'closed')`;

/** The columns of `webhooks` that `IS_LINED` looks at. */
export const LINED_BY = Prisma.sql`ordering, rate_limit_count, circuit`;

/**
 * The INSERT that gives each `webhook_id` of a relation a line. It locks the line: a pull that found it empty at the same moment has
 * removed it, or finds what is parked now.
 * @param pauseMs before the first look: who parks mostly pulls soon
 */
export function openLines(relation: Prisma.Sql, pauseMs = FIRST_PAUSE_MS): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO webhook_lines (webhook_id, pull_at, parked_at)
    SELECT DISTINCT webhook_id, now() + ${pauseMs} * interval '1 millisecond', now() FROM ${relation} AS parked
    ORDER BY webhook_id
    ON CONFLICT (webhook_id) DO UPDATE SET parked_at = excluded.parked_at`;
}

/** Lets the next round look at a webhook's line at once, whatever pause it had come to. */
export async function wakeLine(db: Transaction, webhookId: string): Promise<void> {
  await db.$executeRaw`UPDATE webhook_lines SET pull_at = now(), pause_ms = 0 WHERE webhook_id = ${webhookId}::uuid`;
}

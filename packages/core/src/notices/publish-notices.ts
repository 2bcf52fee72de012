import type { Transaction } from "@homing/db/client";
import { v7 as uuidv7 } from "uuid";
import type { Context, Hint } from "../context.js";
import { handOver } from "../deliveries/hint.js";
import { insertEvents } from "../events/insert.js";
import { firstHints } from "../events/publish.js";

interface NoticeRow {
  organization_id: string;
  type: string;
  payload: string;
  created_at: Date;
}

/**
 * Publishes the oldest notices as events of their organizations. They go in the transaction that makes the events, so none is lost or
 * published twice, however many processes do this at once and wherever one of them dies.
 * @returns how many were published, where `limit` means that there may be more
 */
export async function publishNotices(
  context: Pick<Context, "db" | "enqueue" | "log">,
  { limit }: { limit: number },
): Promise<number> {
  // There seldom is one, and a transaction would be three statements.
  const [waiting] = await context.db.$queryRaw<{ is_any: boolean }[]>`SELECT EXISTS (SELECT FROM notices) AS is_any`;
  if (!waiting?.is_any) return 0;
  const { published, hints } = await context.db.$transaction((transaction) => publishIn(transaction, limit));
  await handOver(context, hints);
  return published;
}

async function publishIn(transaction: Transaction, limit: number): Promise<{ published: number; hints: Hint[] }> {
  const notices = await transaction.$queryRaw<NoticeRow[]>`
    DELETE FROM notices
    WHERE id = ANY (ARRAY (SELECT id FROM notices ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED))
    RETURNING organization_id, type, payload, created_at`;
  if (notices.length === 0) return { published: 0, hints: [] };
  const requests = notices.map(({ organization_id, type, payload, created_at }, place) => ({
    organizationId: organization_id,
    events: [{ id: uuidv7(), place, type, payload, occurredAt: created_at }],
  }));
  const rows = await insertEvents(
    transaction,
    requests,
    requests.flatMap(({ events }) => events),
  );
  return { published: notices.length, hints: rows.flatMap(firstHints) };
}

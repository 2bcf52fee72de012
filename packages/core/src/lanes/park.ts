import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";
import { openLines } from "./line.js";

/**
 * Puts deliveries that wait for their hint's turn into their webhooks' lines instead, because there is no seat for them: a line's pulls
 * take them in the order of publishing.
 */
export async function parkDeliveries({ db }: Pick<Context, "db">, deliveryIds: readonly string[]): Promise<void> {
  const ids = [...deliveryIds];
  await db.$executeRaw`/* prepared park */
    WITH waiting AS MATERIALIZED (
      SELECT id FROM deliveries
      WHERE id = ANY (${ids}::uuid[]) AND state = 'pending' AND parked_at IS NULL
      ORDER BY id
      FOR UPDATE
    ),
    parked AS (
      UPDATE deliveries SET parked_at = now(), relay_at = NULL, queued_at = NULL
      WHERE id IN (SELECT id FROM waiting) AND id = ANY (${ids}::uuid[]) AND state = 'pending'
      RETURNING webhook_id
    )
    ${openLines(Prisma.sql`parked`)}`;
}

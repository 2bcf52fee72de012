import { Prisma } from "@homing/db/client";
import { oneWeekOf } from "@homing/db/one-week";
import type { Context } from "../context.js";
import { IS_LINED } from "../lanes/line.js";
import type { Claim } from "./claim.js";
import { ITS_WEBHOOK, LEASE_MS, type MovedRow, SETTINGS, withEvent } from "./move-due.js";
import { toClaims } from "./to-claims.js";

/**
 * Claims what most hints ask for: the first attempt of a series whose delivery is due and has no fault, of a webhook that is enabled and
 * has no line (decision 20).
 * @returns one claim for each id, in order; null: `claimDeliveries` is for it
 */
export async function claimPlain(
  context: Pick<Context, "db" | "log">,
  deliveryIds: readonly string[],
): Promise<(Claim | null)[]> {
  const claims = new Map(
    (await toClaims(context, await movePlain(context.db, deliveryIds))).map((claim) => [claim.deliveryId, claim]),
  );
  return deliveryIds.map((id) => {
    const claim = claims.get(id) ?? null;
    // Two hints for one delivery may share a batch: one of them gets it.
    claims.delete(id);
    return claim;
  });
}

function movePlain(db: Context["db"], ids: readonly string[]): Promise<MovedRow[]> {
  const week = oneWeekOf(ids);
  // An event of another week than its delivery's, as after a replay, is for the general statement. IS TRUE keeps the bounds a filter:
  // before Postgres has counted a week's rows it takes few to be within it, and would read all of them by the index on event_id.
  const isAsked = Prisma.sql`${week.isAmong(Prisma.sql`deliveries.id`)} AND ${week.isWithin(Prisma.sql`deliveries.event_id`)} IS TRUE`;
  return db.$queryRaw<MovedRow[]>`/* prepared claim_plain${week.suffix} */
    WITH due AS MATERIALIZED (
      SELECT deliveries.id, ${SETTINGS}
      FROM deliveries
      ${ITS_WEBHOOK}
      WHERE ${isAsked} AND ${IS_PLAIN} AND webhooks.state = 'enabled' AND NOT ${IS_LINED}
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    moved AS (
      UPDATE deliveries SET
        state = 'in_flight',
        attempts_in_series = 1,
        lease_until = now() + ${LEASE_MS} * interval '1 millisecond',
        relay_at = now() + ${LEASE_MS} * interval '1 millisecond',
        next_attempt_at = NULL,
        queued_at = NULL,
        updated_at = now()
      FROM due
      WHERE deliveries.id = due.id AND ${isAsked} AND ${IS_PLAIN}
      RETURNING 'in_flight' AS goes, deliveries.id AS delivery_id, organization_id, webhook_id, event_id, series, series_trigger,
        attempts_in_series, 1 AS place, due.*
    )
    ${withEvent(Prisma.sql`moved.*`, week.isWithin(Prisma.sql`id`))}`;
}

const IS_PLAIN = Prisma.sql`
  (deliveries.state = 'pending' AND parked_at IS NULL AND next_attempt_at <= now() AND attempts_in_series = 0 AND coalesce(deliveries.faults, 0) = 0)`;

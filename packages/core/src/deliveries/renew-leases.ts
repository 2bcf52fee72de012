import type { Context } from "../context.js";
import type { Claim } from "./claim.js";
import { LEASE_MS } from "./move-due.js";

/**
 * Renews the leases of attempts that are under way, in one statement. One whose delivery went on without it (another worker took
 * it over, or it is recorded) has no lease any more and is passed over.
 * @returns how many were renewed
 */
export function renewLeases(
  { db }: Pick<Context, "db">,
  claims: readonly Pick<Claim, "deliveryId" | "series" | "number">[],
): Promise<number> {
  const ids = claims.map(({ deliveryId }) => deliveryId);
  return db.$executeRaw`
    WITH claim AS (
      SELECT * FROM unnest(
        ${ids}::uuid[], ${claims.map(({ series }) => series)}::int[], ${claims.map(({ number }) => number)}::int[]
      ) AS t (delivery_id, series, number)
    ),
    leased AS MATERIALIZED (
      SELECT id, claim.series, claim.number FROM deliveries JOIN claim ON delivery_id = id
      WHERE id = ANY (${ids}::uuid[])
        AND state = 'in_flight' AND deliveries.series = claim.series AND attempts_in_series = claim.number
      ORDER BY id
      FOR UPDATE OF deliveries
    )
    UPDATE deliveries SET
      lease_until = now() + ${LEASE_MS} * interval '1 millisecond',
      relay_at = now() + ${LEASE_MS} * interval '1 millisecond'
    FROM leased
    WHERE deliveries.id = leased.id AND deliveries.id = ANY (${ids}::uuid[])
      AND state = 'in_flight' AND deliveries.series = leased.series AND attempts_in_series = leased.number`;
}

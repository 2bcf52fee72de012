import { Prisma } from "@homing/db/client";
import type { Context } from "../context.js";

/**
 * A CTE `quota` for the organizations that have a monthly quota of deliveries, locked so that two statements cannot both take
 * the last of it: `organization_id, used, remaining, this_month`. Months are UTC. An organization without quota has no row and pays
 * nothing.
 */
export function lockedQuota(organizationIds: readonly string[]): Prisma.Sql {
  return Prisma.sql`
    quota AS MATERIALIZED (
      SELECT id AS organization_id, used, delivery_quota - used AS remaining, this_month
      FROM (
        SELECT id, delivery_quota, month.this_month, CASE quota_month WHEN month.this_month THEN quota_used ELSE 0 END AS used
        FROM organizations
        CROSS JOIN (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS this_month) month
        WHERE id = ANY (${[...new Set(organizationIds)]}::uuid[]) AND delivery_quota IS NOT NULL
        ORDER BY id
        FOR NO KEY UPDATE OF organizations
      ) locked
    )`;
}

/** Sets how many deliveries an organization may have made in a month (UTC); null: any number. What it used stays counted. */
export async function setDeliveryQuota(
  { db }: Pick<Context, "db">,
  { organizationId, deliveriesPerMonth }: { organizationId: string; deliveriesPerMonth: number | null },
): Promise<void> {
  await db.organization.update({ where: { id: organizationId }, data: { deliveryQuota: deliveriesPerMonth } });
}

import { Prisma } from "@homing/db/client";

/**
 * SQL that joins the webhook of an id as `webhooks`. The offset keeps it a look-up: a plan that was made before Postgres knew how many
 * webhooks there are, and that is kept, would go through all of them instead, and look for each one's rows.
 * @param columns that are wanted of it: a statement that locks what it joins them to copies and sorts them
 */
export function webhookOf(id: Prisma.Sql, columns: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`CROSS JOIN LATERAL (SELECT ${columns} FROM webhooks WHERE id = ${id} OFFSET 0) AS webhooks`;
}

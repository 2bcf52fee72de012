import { Prisma } from "@homing/db/client";
import { IS_LINED, LINED_BY } from "../lanes/line.js";
import { webhookOf } from "../webhooks/look-up.js";

/**
 * A CTE `matched`: which webhooks each event of `input` is for, and what their deliveries depend on.
 * @param wanted SQL of the webhooks that one event is for by its patterns or by their names, once each
 * @param max of matches; looking for more ends one beyond it
 */
export function matchedBy(wanted: Prisma.Sql, max: number | null): Prisma.Sql {
  return Prisma.sql`
    matched AS MATERIALIZED (
      SELECT input.id AS event_id, webhooks.id AS webhook_id, webhooks.organization_id, webhooks.state, ${IS_LINED} AS is_lined
      FROM input
      CROSS JOIN LATERAL (${wanted}
      ) AS wanted
      ${webhookOf(Prisma.sql`wanted.webhook_id`, Prisma.sql`id, organization_id, state, ${LINED_BY}`)}
      WHERE webhooks.organization_id = input.organization_id AND webhooks.state <> 'archived'
      LIMIT ${max === null ? null : max + 1}::bigint
    )`;
}

import { Prisma } from "@homing/db/client";
import { IS_LINED } from "../lanes/line.js";

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
      -- The offset keeps this a look-up by id: a plan that was made for few webhooks would read all of the organization's.
      CROSS JOIN LATERAL (SELECT * FROM webhooks WHERE id = wanted.webhook_id OFFSET 0) AS webhooks
      WHERE webhooks.organization_id = input.organization_id AND webhooks.state <> 'archived'
      LIMIT ${max === null ? null : max + 1}::bigint
    )`;
}

import { Prisma } from "@homing/db/client";
import { leaveNotices, spelledTime } from "./leave.js";

const DISABLED_AT = spelledTime(Prisma.sql`disabled_at`);

/**
 * A CTE `told_disabled` that tells of the webhooks that the CTE `disabled` has disabled: `webhook_id, organization_id, is_ephemeral,
 * disabled_reason, disabled_at`. Whatever did it: disabling comes to an end by itself, so a notice of it goes round no circle.
 */
export function disabledNotices(): Prisma.Sql {
  const rows = Prisma.sql`
        SELECT organization_id, jsonb_build_object(
          'webhook_id', webhook_id, 'reason', disabled_reason, 'disabled_at', ${DISABLED_AT}
        ) AS payload
        FROM disabled WHERE NOT is_ephemeral`;
  return Prisma.sql`
    told_disabled AS (${leaveNotices("homing.webhook.disabled", rows)}
    )`;
}

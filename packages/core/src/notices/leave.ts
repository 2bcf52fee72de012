import { Prisma } from "@homing/db/client";
import { patternsOf } from "../webhooks/match.js";

/** What Homing itself has to tell an organization. */
export type NoticeType = "homing.webhook.disabled" | "homing.webhook.recovered" | "homing.delivery.exhausted";

/**
 * An INSERT that leaves a notice for each row that its organization wants to hear of: for a CTE of the very statement that makes the
 * change, so that neither is there without the other. An organization without a webhook that asks for the type costs nothing more.
 * @param rows a SELECT of `organization_id` and `payload`, jsonb
 */
export function leaveNotices(type: NoticeType, rows: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
      INSERT INTO notices (id, organization_id, type, payload)
      SELECT homing_uuid_v7(), told.organization_id, ${type}, told.payload::text
      FROM (${rows}) told
      WHERE EXISTS (
        SELECT FROM webhook_patterns listening
        WHERE listening.organization_id = told.organization_id AND listening.pattern = ANY (${patternsOf(type)}::text[])
      )`;
}

/** A time as payloads spell it: UTC with milliseconds. */
export function spelledTime(time: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

import { Prisma } from "@homing/db/client";
import { uuidFloor } from "@homing/db/week";
import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";

export interface AuditFilter {
  action?: string;
  targetId?: string;
  /** What was done with this key. */
  apiKeyId?: string;
  /** At this time or later. */
  since?: Date;
  /** Before this time. */
  until?: Date;
}

/** One entry of the audit log. */
export interface AuditEntry {
  /** UUIDv7. */
  id: string;
  action: string;
  actorType: string;
  actorId: string | null;
  address: string | null;
  requestId: string | null;
  targetType: string;
  targetId: string;
  before: Prisma.JsonValue;
  after: Prisma.JsonValue;
  createdAt: Date;
}

/** What was done in an organization, newest first. */
export async function listAuditLog(
  { db }: Pick<Context, "db">,
  { organizationId, limit, after, filter }: PageRequest & { filter: AuditFilter },
): Promise<Page<AuditEntry>> {
  const { action, targetId, apiKeyId, since, until } = filter;
  const rows = await db.auditEntry.findMany({
    where: {
      organizationId,
      ...(action && { action }),
      ...(targetId && { targetId }),
      ...(apiKeyId && { actorId: apiKeyId }),
      // A UUIDv7 is its time of making, so the key itself answers since and until.
      AND: [
        after === null ? {} : { id: { lt: after } },
        since ? { id: { gte: uuidFloor(since.getTime()) } } : {},
        until ? { id: { lt: uuidFloor(until.getTime()) } } : {},
      ],
    },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return toPage(rows, limit);
}

import { Prisma, type Transaction } from "@homing/db/client";
import { type AuditAction, targetTypeOf } from "./actions.js";
import type { Actor } from "./actor.js";

/** Fields of a row; what a client must not read is in none. */
export type AuditedFields = Record<string, unknown>;

/** What was done to one row. */
export interface NewAuditEntry {
  organizationId: string;
  action: AuditAction;
  targetId: string;
  /** The fields that changed, as they were: no secret, no credential, of headers the names alone. */
  before?: AuditedFields;
  /** The same fields as they are now. */
  after?: AuditedFields;
}

/** Writes an entry in the transaction of the change that it tells of, so that neither is there without the other. */
export async function recordAudit(transaction: Transaction, actor: Actor, entry: NewAuditEntry): Promise<void> {
  const { organizationId, action, targetId, before = {}, after = {} } = entry;
  const rows = Prisma.sql`
    SELECT ${organizationId}::uuid AS organization_id, ${targetId}::text AS target_id,
           ${JSON.stringify(before)}::jsonb AS before, ${JSON.stringify(after)}::jsonb AS after`;
  await transaction.$executeRaw`${auditInsert(action, withActor(actor, rows))}`;
}

/**
 * An INSERT of an entry for each row: for a CTE of the very statement that makes the change.
 * @param rows a SELECT of `organization_id`, `target_id` (text), `before` and `after` (jsonb)
 */
export function auditEntries(actor: Actor, action: AuditAction, rows: Prisma.Sql): Prisma.Sql {
  return auditInsert(action, withActor(actor, rows));
}

/**
 * The same for rows of several actors.
 * @param rows a SELECT of these and of `actor_type, actor_id, address, request_id`
 */
export function auditInsert(action: AuditAction, rows: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
      INSERT INTO audit_log (organization_id, actor_type, actor_id, address, request_id, action, target_type, target_id, before, after)
      SELECT audited.organization_id, actor_type, actor_id, address, request_id, ${action}, ${targetTypeOf(action)}, target_id, before, after
      FROM (${rows}) audited`;
}

function withActor({ type, id, address, requestId }: Actor, rows: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
        SELECT changed.*, ${type}::text AS actor_type, ${id}::text AS actor_id, ${address}::text AS address, ${requestId}::text AS request_id
        FROM (${rows}) changed`;
}

/** Of two jsonb objects the members that the other does not have alike. */
export function differing(own: Prisma.Sql, other: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`coalesce((
          SELECT jsonb_object_agg(key, value) FROM jsonb_each(${own}) WHERE value IS DISTINCT FROM ${other} -> key
        ), '{}')`;
}

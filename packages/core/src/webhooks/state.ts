import { Prisma } from "@homing/db/client";
import type { AuditAction } from "../audit-log/actions.js";
import type { Acting } from "../audit-log/actor.js";
import { auditEntries, differing } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { RELEASE_WATCH_MS } from "../deliveries/release-held.js";
import { DomainError } from "../errors.js";
import { wakeLine } from "../lanes/line.js";
import { disabledNotices } from "../notices/disabled.js";
import { getWebhook } from "./read.js";
import type { Webhook, WebhookName } from "./webhook.js";

type StateContext = Pick<Context, "db" | "sealer"> & Acting;

const RELEASE = Prisma.sql`releasing_until = now() + ${RELEASE_WATCH_MS} * interval '1 millisecond'`;

/**
 * Sends to a webhook again; the deliveries it held go out in the order of their events.
 * @throws DomainError `not_found` or `webhook_archived`
 */
export async function enableWebhook(context: StateContext, name: WebhookName): Promise<Webhook> {
  const webhook = await changeState(
    context,
    { ...name, action: "webhook.enabled" },
    Prisma.sql`state = 'enabled', disabled_reason = NULL, disabled_at = NULL, circuit = 'closed', circuit_changed_at = NULL,
      failing_since = NULL, ${RELEASE}`,
  );
  // After the change, not with it: whoever changes a circuit locks the line first.
  await wakeLine(context.db, name.webhookId);
  return webhook;
}

/**
 * Stops sending to a webhook: its deliveries are held as they come due. One that is disabled keeps its first reason and time.
 * @throws DomainError `not_found` or `webhook_archived`
 */
export function disableWebhook(context: StateContext, name: WebhookName, reason: string): Promise<Webhook> {
  return changeState(
    context,
    { ...name, action: "webhook.disabled" },
    Prisma.sql`state = 'disabled', disabled_reason = coalesce(disabled_reason, ${reason}), disabled_at = coalesce(disabled_at, now()),
      releasing_until = NULL`,
  );
}

/**
 * Stops sending to a webhook for good and takes it off the lists; its history stays, what has not been sent is cancelled as it
 * comes due.
 * @throws DomainError `not_found`; archiving twice is fine
 */
export async function archiveWebhook(context: StateContext, name: WebhookName): Promise<void> {
  const webhook = await getWebhook(context, name);
  if (webhook.state === "archived") return;
  const archived = { ...name, action: "webhook.archived" } as const;
  await changeState(context, archived, Prisma.sql`state = 'archived', archived_at = now(), ${RELEASE}`);
}

async function changeState(
  context: StateContext,
  { organizationId, webhookId, action }: WebhookName & { action: AuditAction },
  change: Prisma.Sql,
): Promise<Webhook> {
  const changed = await context.db.$queryRaw<{ webhook_id: string }[]>`
    WITH target AS MATERIALIZED (
      SELECT id, state AS old_state, ${AUDITED} AS before FROM webhooks
      WHERE id = ${webhookId}::uuid AND organization_id = ${organizationId}::uuid AND state <> 'archived'
      FOR UPDATE
    ),
    changed AS (
      UPDATE webhooks SET ${change}, updated_at = now()
      FROM target
      WHERE webhooks.id = target.id
      RETURNING webhooks.id AS webhook_id, organization_id, is_ephemeral, state, old_state, disabled_reason, disabled_at,
                before, ${AUDITED} AS after
    ),
    disabled AS (
      SELECT * FROM changed WHERE state = 'disabled' AND old_state = 'enabled'
    ),
    ${disabledNotices()},
    audited AS (${auditEntries(context.actor, action, ENTRIES)}
    )
    SELECT webhook_id FROM changed`;
  const webhook = await getWebhook(context, { organizationId, webhookId });
  if (changed.length === 0) throw new DomainError("webhook_archived", "the webhook is archived");
  return webhook;
}

const AUDITED = Prisma.sql`jsonb_build_object(
        'state', webhooks.state, 'disabled_reason', webhooks.disabled_reason, 'circuit', webhooks.circuit, 'failing_since', webhooks.failing_since
      )`;

/** Of a change that changed something, a test's webhook apart: the test is what was done. */
const ENTRIES = Prisma.sql`
          SELECT organization_id, webhook_id::text AS target_id, ${differing(Prisma.sql`changed.before`, Prisma.sql`changed.after`)} AS before,
                 ${differing(Prisma.sql`changed.after`, Prisma.sql`changed.before`)} AS after
          FROM changed WHERE changed.before <> changed.after AND NOT is_ephemeral`;

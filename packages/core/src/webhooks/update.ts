import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { sealHeaders } from "./headers.js";
import { getWebhook } from "./read.js";
import { toRow } from "./row.js";
import { type Webhook, type WebhookName, type WebhookSettings, assertUrlAllowed, toWebhook } from "./webhook.js";

/**
 * Changes some settings of a webhook; the next claim of each of its deliveries uses them.
 * @throws DomainError `not_found`, `webhook_archived`, or `validation_error` when a new URL may not be called
 */
export async function updateWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl">,
  { organizationId, webhookId, changes }: WebhookName & { changes: Partial<WebhookSettings> },
): Promise<Webhook> {
  if (changes.url !== undefined) await assertUrlAllowed(context, changes.url);
  const { db, sealer } = context;
  await getWebhook(context, { organizationId, webhookId });
  const [updated] = await db.webhook.updateManyAndReturn({
    where: { id: webhookId, organizationId, state: { not: "archived" } },
    data: {
      ...toRow(changes),
      ...(changes.headers && { headersSealed: sealHeaders(sealer, webhookId, changes.headers) }),
      updatedAt: new Date(),
    },
  });
  if (updated === undefined) throw new DomainError("webhook_archived", "the webhook is archived");
  return toWebhook(context, updated);
}

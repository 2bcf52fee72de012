import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { type Webhook, type WebhookName, toWebhook, webhookNotFound } from "./webhook.js";

/** @throws DomainError `not_found`, also for another organization's webhook */
export async function getWebhook(
  context: Pick<Context, "db" | "sealer">,
  { organizationId, webhookId }: WebhookName,
): Promise<Webhook> {
  const row = await context.db.webhook.findFirst({ where: { id: webhookId, organizationId } });
  if (row === null) throw webhookNotFound();
  return toWebhook(context, row);
}

/** An organization's webhooks, newest first, without archived ones. */
export async function listWebhooks(
  context: Pick<Context, "db" | "sealer">,
  { organizationId, limit, after }: PageRequest,
): Promise<Page<Webhook>> {
  const rows = await context.db.webhook.findMany({
    where: { organizationId, state: { not: "archived" }, ...(after !== null && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return toPage(
    rows.map((row) => toWebhook(context, row)),
    limit,
  );
}

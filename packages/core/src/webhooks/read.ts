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

/**
 * A webhook by the number that stands for its id where a contract has integer ids.
 * @throws DomainError `not_found`, also for another organization's webhook and for one made for a test
 */
export async function getWebhookByNumber(
  context: Pick<Context, "db" | "sealer">,
  { organizationId, number }: { organizationId: string; number: number },
): Promise<Webhook> {
  const row = await context.db.webhook.findFirst({ where: { number, organizationId, isEphemeral: false } });
  if (row === null) throw webhookNotFound();
  return toWebhook(context, row);
}

/**
 * An organization's webhooks, newest first, without archived ones; `offset` passes over the first ones.
 * @param request.heldTo the one webhook that may be seen; null: all
 */
export async function listWebhooks(
  context: Pick<Context, "db" | "sealer">,
  {
    organizationId,
    limit,
    after,
    offset = 0,
    heldTo = null,
  }: PageRequest & { offset?: number; heldTo?: string | null },
): Promise<Page<Webhook>> {
  const rows = await context.db.webhook.findMany({
    where: {
      organizationId,
      state: { not: "archived" },
      isEphemeral: false,
      id: { ...(heldTo !== null && { equals: heldTo }), ...(after !== null && { lt: after }) },
    },
    orderBy: { id: "desc" },
    skip: offset,
    take: limit + 1,
  });
  return toPage(
    rows.map((row) => toWebhook(context, row)),
    limit,
  );
}

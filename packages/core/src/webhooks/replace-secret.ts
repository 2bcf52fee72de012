import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { getWebhook } from "./read.js";
import { sealSecret } from "./secret.js";
import type { WebhookName } from "./webhook.js";

/**
 * Gives a webhook another secret at once, without the overlap of a rotation: from the next attempt on it alone signs.
 * @param options.secret the client's own text, or a new secret unless given
 * @throws DomainError `not_found` or `webhook_archived`
 */
export async function replaceSecret(
  context: Pick<Context, "db" | "sealer">,
  { secret = createWebhookSecret(), ...name }: WebhookName & { secret?: string },
): Promise<void> {
  const webhook = await getWebhook(context, name);
  if (webhook.state === "archived") throw new DomainError("webhook_archived", "the webhook is archived");
  const { db, sealer } = context;
  const { webhookId } = name;
  const id = uuidv7();
  await db.$transaction(async (transaction) => {
    // As a rotation does, so that one secret alone stays without an end.
    await transaction.$queryRaw`SELECT id FROM webhooks WHERE id = ${webhookId}::uuid FOR UPDATE`;
    await transaction.webhookSecret.deleteMany({ where: { webhookId } });
    await transaction.webhookSecret.create({ data: { id, webhookId, sealed: sealSecret(sealer, id, secret) } });
  });
}

import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Context } from "../context.js";
import { sealHeaders } from "./headers.js";
import { sealSecret } from "./secret.js";
import { toRow } from "./row.js";
import { type Webhook, type WebhookSettings, assertUrlAllowed, toWebhook } from "./webhook.js";

/**
 * Makes a webhook with a new signing secret.
 * @throws DomainError `validation_error` when the URL may not be called
 */
export async function createWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl">,
  { organizationId, settings }: { organizationId: string; settings: WebhookSettings },
): Promise<{ webhook: Webhook; secret: string }> {
  await assertUrlAllowed(context, settings.url);
  const { db, sealer } = context;
  const id = uuidv7();
  const secretId = uuidv7();
  const secret = createWebhookSecret();
  const row = await db.webhook.create({
    data: {
      id,
      organizationId,
      ...toRow(settings),
      url: settings.url,
      headersSealed: sealHeaders(sealer, id, settings.headers),
      secrets: { create: { id: secretId, sealed: sealSecret(sealer, secretId, secret) } },
    },
  });
  return { webhook: toWebhook(context, row), secret };
}

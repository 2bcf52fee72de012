import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { auditedSettings } from "./audited-settings.js";
import { sealHeaders } from "./headers.js";
import { sealSecret } from "./secret.js";
import { toRow } from "./row.js";
import { type Webhook, type WebhookSettings, assertUrlAllowed, toWebhook } from "./webhook.js";

export interface NewWebhook {
  organizationId: string;
  settings: WebhookSettings;
  /** A new one unless given. */
  secret?: string;
  /** On no list and matched by no event: for a test of a bare URL. */
  isEphemeral?: boolean;
}

/**
 * Makes a webhook with its signing secret.
 * @throws DomainError `validation_error` when the URL may not be called
 */
export async function createWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl"> & Acting,
  { organizationId, settings, secret = createWebhookSecret(), isEphemeral = false }: NewWebhook,
): Promise<{ webhook: Webhook; secret: string }> {
  await assertUrlAllowed(context, settings.url);
  const { db, sealer, actor } = context;
  const id = uuidv7();
  const secretId = uuidv7();
  const data = {
    id,
    organizationId,
    isEphemeral,
    ...toRow(settings),
    url: settings.url,
    headersSealed: sealHeaders(sealer, id, settings.headers),
    secrets: { create: { id: secretId, sealed: sealSecret(sealer, secretId, secret) } },
  };
  return db.$transaction(async (transaction) => {
    const webhook = toWebhook(context, await transaction.webhook.create({ data }));
    // One for a test is not seen by anybody: the test is what was done.
    if (!isEphemeral) {
      const entry = {
        organizationId,
        action: "webhook.created",
        targetId: id,
        after: auditedSettings(webhook),
      } as const;
      await recordAudit(transaction, actor, entry);
    }
    return { webhook, secret };
  });
}

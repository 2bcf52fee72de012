import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { assertAccessFits, assertAccessUsable } from "./access.js";
import { auditedSettings } from "./audited-settings.js";
import { sealSecret } from "./secret.js";
import { sealSettings, toRow } from "./row.js";
import { newSigningKey, wantsV1a } from "./signing-key.js";
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
 * Makes a webhook with its signing secret and, if it asks for `v1a` signatures, a key pair.
 * @throws DomainError `validation_error` when the URL may not be called, or the authentication or TLS cannot be used
 */
export async function createWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl"> & Acting,
  { organizationId, settings, secret = createWebhookSecret(), isEphemeral = false }: NewWebhook,
): Promise<{ webhook: Webhook; secret: string }> {
  await assertUrlAllowed(context, settings.url);
  assertAccessFits(settings);
  await assertAccessUsable(context, settings);
  const { db, sealer, actor } = context;
  const id = uuidv7();
  const secretId = uuidv7();
  const signingKey = wantsV1a(settings.signatureFormats) ? newSigningKey(sealer) : null;
  const data = {
    id,
    organizationId,
    isEphemeral,
    ...toRow(settings),
    url: settings.url,
    ...sealSettings(sealer, id, settings),
    secrets: { create: { id: secretId, sealed: sealSecret(sealer, secretId, secret) } },
    ...(signingKey && { publicKey: signingKey.publicKey, signingKeys: { create: signingKey } }),
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

import type { Transaction } from "@homing/db/client";
import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { getWebhook } from "./read.js";
import { openSecret, sealSecret } from "./secret.js";
import type { WebhookName } from "./webhook.js";

/** For so long the old secret signs beside the new one. */
const OVERLAP_MS = 24 * 60 * 60 * 1000;
const VALID_SECRETS_MAX = 10;

/**
 * Shows the newest secret of a webhook.
 * @throws DomainError `not_found`
 */
export async function revealSecret(
  context: Pick<Context, "db" | "sealer"> & Acting,
  { organizationId, webhookId }: WebhookName,
): Promise<string> {
  const { db, sealer, actor } = context;
  await getWebhook(context, { organizationId, webhookId });
  // Nobody is shown a secret of which it is not written down.
  return db.$transaction(async (transaction) => {
    await recordAudit(transaction, actor, { organizationId, action: "webhook.secret_revealed", targetId: webhookId });
    return newestSecret({ db: transaction, sealer }, webhookId);
  });
}

/** For signing with it: whoever shows it to somebody reveals it. */
export async function newestSecret(
  { db, sealer }: Pick<Context, "sealer"> & { db: Transaction },
  webhookId: string,
): Promise<string> {
  const row = await db.webhookSecret.findFirstOrThrow({
    where: { webhookId, expiresAt: null },
    orderBy: [{ createdAt: "desc" }, { id: "desc" }],
  });
  return openSecret(sealer, row);
}

/**
 * Gives a webhook a new secret. The old one goes on signing beside it for 24 h, so that receivers change over without a gap.
 * @throws DomainError `not_found` or `webhook_archived`; `validation_error` when 10 secrets are still valid
 */
export async function rotateSecret(
  context: Pick<Context, "db" | "sealer"> & Acting,
  name: WebhookName,
): Promise<{ secret: string; oldSecretsExpireAt: Date }> {
  const webhook = await getWebhook(context, name);
  if (webhook.state === "archived") throw new DomainError("webhook_archived", "the webhook is archived");
  const { db, sealer, actor } = context;
  const { organizationId, webhookId } = name;
  const id = uuidv7();
  const secret = createWebhookSecret();
  const oldSecretsExpireAt = new Date(Date.now() + OVERLAP_MS);
  await db.$transaction(async (transaction) => {
    // Rotations of one webhook go one after the other, so that one secret alone stays without an end.
    await transaction.$queryRaw`SELECT id FROM webhooks WHERE id = ${webhookId}::uuid FOR UPDATE`;
    await transaction.webhookSecret.deleteMany({ where: { webhookId, expiresAt: { lte: new Date() } } });
    if ((await transaction.webhookSecret.count({ where: { webhookId } })) >= VALID_SECRETS_MAX) {
      throw new DomainError(
        "validation_error",
        `a webhook has at most ${VALID_SECRETS_MAX} valid secrets; wait until one expires`,
      );
    }
    await transaction.webhookSecret.updateMany({
      where: { webhookId, expiresAt: null },
      data: { expiresAt: oldSecretsExpireAt },
    });
    await transaction.webhookSecret.create({ data: { id, webhookId, sealed: sealSecret(sealer, id, secret) } });
    const after = { old_secrets_expire_at: oldSecretsExpireAt };
    await recordAudit(transaction, actor, {
      organizationId,
      action: "webhook.secret_rotated",
      targetId: webhookId,
      after,
    });
  });
  return { secret, oldSecretsExpireAt };
}

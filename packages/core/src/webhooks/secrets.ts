import { Prisma, type Transaction } from "@homing/db/client";
import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { getWebhook } from "./read.js";
import { openSecret, sealSecret } from "./secret.js";
import { addSigningKey } from "./signing-key.js";
import type { WebhookName } from "./webhook.js";

/** For so long the old secret signs beside the new one, unless told. */
const OVERLAP_SECONDS = 24 * 60 * 60;
const VALID_SECRETS_MAX = 10;

/** What a rotation is told beyond its webhook. */
export interface SecretRotation {
  /** The client's own, a `whsec_` text; a new one unless given. */
  secret?: string;
  /** When all that signed before ends at the latest; 0: with this rotation. 24 h unless given. */
  overlapSeconds?: number;
}

export interface RotatedSecret {
  secret: string;
  /** Of the key pair that took the place of the one before; null: the webhook never asked for one. */
  publicKey: string | null;
  oldSecretsExpireAt: Date;
}

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
 * Gives a webhook a new secret and, where it has a key pair, a new one. The old ones go on signing beside them for a while, so that
 * receivers change over without a gap; without an overlap they sign no attempt that is claimed from now on.
 * @throws DomainError `not_found` or `webhook_archived`; `validation_error` when 10 secrets are still valid
 */
export async function rotateSecret(
  context: Pick<Context, "db" | "sealer"> & Acting,
  name: WebhookName,
  { secret = createWebhookSecret(), overlapSeconds = OVERLAP_SECONDS }: SecretRotation = {},
): Promise<RotatedSecret> {
  const webhook = await getWebhook(context, name);
  if (webhook.state === "archived") throw new DomainError("webhook_archived", "the webhook is archived");
  const { db, sealer, actor } = context;
  const { organizationId, webhookId } = name;
  const id = uuidv7();
  return db.$transaction(async (transaction) => {
    const { end, public_key: oldKey } = await lockWebhook(transaction, webhookId, overlapSeconds);
    const rotation = { webhookId, end };
    await expireOld(transaction, "webhook_secrets", rotation);
    if (oldKey !== null) await expireOld(transaction, "webhook_signing_keys", rotation);
    if ((await countValid(transaction, webhookId)) >= VALID_SECRETS_MAX) {
      throw new DomainError(
        "validation_error",
        `a webhook has at most ${VALID_SECRETS_MAX} valid secrets; wait until one expires, or rotate without an overlap`,
      );
    }
    await transaction.webhookSecret.create({ data: { id, webhookId, sealed: sealSecret(sealer, id, secret) } });
    const publicKey = oldKey === null ? null : await addSigningKey({ transaction, sealer }, webhookId);
    await recordAudit(transaction, actor, {
      organizationId,
      action: "webhook.secret_rotated",
      targetId: webhookId,
      after: { old_secrets_expire_at: end },
    });
    return { secret, publicKey, oldSecretsExpireAt: end };
  });
}

/** Rotations of one webhook go one after the other, so that one secret alone stays without an end. */
async function lockWebhook(
  transaction: Transaction,
  webhookId: string,
  overlapSeconds: number,
): Promise<{ end: Date; public_key: string | null }> {
  // Whole milliseconds, as the columns hold: a rounded-up end would lie in the future.
  const [row] = await transaction.$queryRaw<{ end: Date; public_key: string | null }[]>`
    SELECT date_trunc('milliseconds', now()) + ${overlapSeconds}::int * interval '1 second' AS "end", public_key
    FROM webhooks WHERE id = ${webhookId}::uuid FOR UPDATE`;
  if (row === undefined) throw new Error("a webhook that is being rotated is gone");
  return row;
}

/** Of secrets or of keys, whichever are more: a header holds a signature by each of them. */
async function countValid(transaction: Transaction, webhookId: string): Promise<number> {
  const secrets = await transaction.webhookSecret.count({ where: { webhookId } });
  const keys = await transaction.webhookSigningKey.count({ where: { webhookId } });
  return Math.max(secrets, keys);
}

/** None of the old ones lasts longer than to `end`; those that have ended are gone. */
async function expireOld(
  transaction: Transaction,
  table: "webhook_secrets" | "webhook_signing_keys",
  { webhookId, end }: { webhookId: string; end: Date },
): Promise<void> {
  const name = Prisma.raw(table);
  await transaction.$executeRaw`
    UPDATE ${name} SET expires_at = ${end}
    WHERE webhook_id = ${webhookId}::uuid AND (expires_at IS NULL OR expires_at > ${end})`;
  await transaction.$executeRaw`DELETE FROM ${name} WHERE webhook_id = ${webhookId}::uuid AND expires_at <= now()`;
}

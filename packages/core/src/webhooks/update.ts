import type { Transaction } from "@homing/db/client";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { assertAccessUsable, assertChangeFits } from "./access.js";
import { changedSettings } from "./audited-settings.js";
import { getWebhook } from "./read.js";
import { replaceSecret } from "./replace-secret.js";
import { sealSettings, toRow } from "./row.js";
import { addSigningKey, wantsV1a } from "./signing-key.js";
import {
  type JsonFields,
  type Webhook,
  type WebhookName,
  type WebhookSettings,
  assertUrlAllowed,
  toWebhook,
} from "./webhook.js";

export interface WebhookUpdate extends WebhookName {
  /** What is not named stays. Contract fields are laid over those that are kept, each contract's for itself. */
  changes: Partial<WebhookSettings>;
  /** Takes the place of every secret at once, in the same transaction; null: a new one does. */
  secret?: string | null;
}

/**
 * Changes some settings of a webhook; the next claim of each of its deliveries uses them.
 * @throws DomainError `not_found`, `webhook_archived`, or `validation_error` when a new URL may not be called, or
 * authentication and TLS do not fit with each other and the rest, or a URL of another origin would get headers or credentials that are not named
 */
export async function updateWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl"> & Acting,
  { organizationId, webhookId, changes: { contractFields, ...plain }, secret }: WebhookUpdate,
): Promise<Webhook> {
  if (plain.url !== undefined) await assertUrlAllowed(context, plain.url);
  const { db, sealer, actor } = context;
  await getWebhook(context, { organizationId, webhookId });
  await assertAccessUsable(context, plain);
  return db.$transaction(async (transaction) => {
    // The first statement locks the row: who comes at the same time waits for all of this.
    await transaction.$queryRaw`SELECT FROM webhooks WHERE id = ${webhookId}::uuid FOR UPDATE`;
    const old = toWebhook(context, await transaction.webhook.findUniqueOrThrow({ where: { id: webhookId } }));
    assertChangeFits(old, plain);
    const [updated] = await transaction.webhook.updateManyAndReturn({
      where: { id: webhookId, organizationId, state: { not: "archived" } },
      data: {
        ...toRow(plain),
        // Of another address nothing is known.
        ...(plain.url !== undefined && { isProven: false }),
        ...sealSettings(sealer, webhookId, plain),
        updatedAt: new Date(),
      },
    });
    if (updated === undefined) throw new DomainError("webhook_archived", "the webhook is archived");
    if (wantsV1a(updated.signatureFormats)) {
      // The pair is made when it is first asked for, and stays.
      updated.publicKey ??= await addSigningKey({ transaction, sealer }, webhookId);
    }
    const kept = contractFields === undefined ? {} : await layOver(transaction, { webhookId, contractFields });
    const webhook = toWebhook(context, { ...updated, ...kept });
    const changed = changedSettings(old, webhook);
    const target = { organizationId, targetId: webhookId };
    if (changed !== null) await recordAudit(transaction, actor, { ...target, action: "webhook.updated", ...changed });
    if (secret !== undefined) {
      await replaceSecret({ transaction, sealer }, { webhookId, secret });
      await recordAudit(transaction, actor, { ...target, action: "webhook.secret_rotated" });
    }
    return webhook;
  });
}

/** Merged by the database, so that fields that were read earlier and changed since are not put back. */
async function layOver(
  transaction: Transaction,
  { webhookId, contractFields }: { webhookId: string; contractFields: JsonFields },
): Promise<{ contractFields: JsonFields }> {
  const [row] = await transaction.$queryRaw<{ contract_fields: JsonFields }[]>`
    UPDATE webhooks SET contract_fields = contract_fields || coalesce((
      SELECT jsonb_object_agg(contract, coalesce(contract_fields -> contract, '{}') || fields)
      FROM jsonb_each(${JSON.stringify(contractFields)}::jsonb) given (contract, fields)
    ), '{}')
    WHERE id = ${webhookId}::uuid
    RETURNING contract_fields`;
  if (row === undefined) throw new Error("a webhook that is being changed is gone");
  return { contractFields: row.contract_fields };
}

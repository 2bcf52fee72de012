import type { Transaction } from "@homing/db/client";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { assertAccessUsable } from "./access.js";
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
 * authentication and TLS do not fit with each other and the rest
 */
export async function updateWebhook(
  context: Pick<Context, "db" | "sealer" | "checkUrl">,
  { organizationId, webhookId, changes: { contractFields, ...plain }, secret }: WebhookUpdate,
): Promise<Webhook> {
  if (plain.url !== undefined) await assertUrlAllowed(context, plain.url);
  const { db, sealer } = context;
  const standing = await getWebhook(context, { organizationId, webhookId });
  await assertAccessUsable(context, { ...standing, ...plain }, plain);
  return db.$transaction(async (transaction) => {
    // The first statement locks the row: who comes at the same time waits for all of this.
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
    if (secret !== undefined) await replaceSecret({ transaction, sealer }, { webhookId, secret });
    if (wantsV1a(updated.signatureFormats)) {
      // The pair is made when it is first asked for, and stays.
      updated.publicKey ??= await addSigningKey({ transaction, sealer }, webhookId);
    }
    if (contractFields === undefined) return toWebhook(context, updated);
    const kept = await layOver(transaction, { webhookId, contractFields });
    return toWebhook(context, { ...updated, contractFields: kept });
  });
}

/** Merged by the database, so that fields that were read earlier and changed since are not put back. */
async function layOver(
  transaction: Transaction,
  { webhookId, contractFields }: { webhookId: string; contractFields: JsonFields },
): Promise<JsonFields> {
  const [row] = await transaction.$queryRaw<{ contract_fields: JsonFields }[]>`
    UPDATE webhooks SET contract_fields = contract_fields || coalesce((
      SELECT jsonb_object_agg(contract, coalesce(contract_fields -> contract, '{}') || fields)
      FROM jsonb_each(${JSON.stringify(contractFields)}::jsonb) given (contract, fields)
    ), '{}')
    WHERE id = ${webhookId}::uuid
    RETURNING contract_fields`;
  if (row === undefined) throw new Error("a webhook that is being changed is gone");
  return row.contract_fields;
}

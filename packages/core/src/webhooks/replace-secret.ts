import type { Transaction } from "@homing/db/client";
import { createWebhookSecret } from "@homing/signature/secrets";
import { v7 as uuidv7 } from "uuid";
import type { Context } from "../context.js";
import { sealSecret } from "./secret.js";

/**
 * Gives a webhook another secret at once, without the overlap of a rotation: from the next attempt on it alone signs.
 * @param transaction holds the webhook's row, as a rotation does, so that one secret alone stays without an end
 * @param options.secret the client's own text; null: a new secret
 */
export async function replaceSecret(
  { transaction, sealer }: Pick<Context, "sealer"> & { transaction: Transaction },
  { webhookId, secret }: { webhookId: string; secret: string | null },
): Promise<void> {
  const id = uuidv7();
  const sealed = sealSecret(sealer, id, secret ?? createWebhookSecret());
  await transaction.webhookSecret.deleteMany({ where: { webhookId } });
  await transaction.webhookSecret.create({ data: { id, webhookId, sealed } });
}

import type { KeyObject } from "node:crypto";
import type { Prisma, Transaction } from "@homing/db/client";
import { createSigningKeyPair, importPrivateKey, V1A_FORMAT } from "@homing/signature/ed25519";
import type { Sealer } from "@homing/signature/sealing";
import { LRUCache } from "lru-cache";
import { v7 as uuidv7 } from "uuid";
import type { Context } from "../context.js";
import { openAt, sealAt } from "../sealing/sealed-columns.js";

/** Keys of one worker that are kept imported: about 1 KiB each. */
const IMPORTED_MAX = 5_000;

export interface SealedKey {
  id: string;
  sealed: string;
}

/** Finds the private key of a row. @throws SealError when its key is missing or the row was tampered with */
export type OpenSigningKey = (row: SealedKey) => KeyObject;

/** Whether a webhook asks for `v1a` signatures. */
export function wantsV1a(signatureFormats: readonly string[]): boolean {
  return signatureFormats.includes(V1A_FORMAT);
}

/** A new key pair as its row holds it. */
export function newSigningKey(sealer: Sealer): Prisma.WebhookSigningKeyCreateWithoutWebhookInput {
  const { privateKey, publicKey } = createSigningKeyPair();
  const id = uuidv7();
  return { id, publicKey, sealed: sealAt(sealer, "webhook_signing_keys.sealed", { id, text: privateKey }) };
}

/** Opens and imports each key once, and keeps the ones that were used last. */
export function createSigningKeys({ sealer }: Pick<Context, "sealer">): OpenSigningKey {
  // Under the sealed text, so that what the row does not hold any more is never used again.
  const imported = new LRUCache<string, KeyObject>({ max: IMPORTED_MAX });
  return (row) => {
    const place = `${row.id}:${row.sealed}`;
    const known = imported.get(place);
    if (known !== undefined) return known;
    const key = importPrivateKey(openAt(sealer, "webhook_signing_keys.sealed", row));
    imported.set(place, key);
    return key;
  };
}

/**
 * Gives a webhook a key pair that signs from the next claim on, and makes its public key the webhook's.
 * @param transaction holds the webhook's row, so that one key alone stays without an end
 * @returns its public key
 */
export async function addSigningKey(
  { transaction, sealer }: Pick<Context, "sealer"> & { transaction: Transaction },
  webhookId: string,
): Promise<string> {
  const key = newSigningKey(sealer);
  await transaction.webhookSigningKey.create({ data: { ...key, webhookId } });
  await transaction.webhook.update({ where: { id: webhookId }, data: { publicKey: key.publicKey } });
  return key.publicKey;
}

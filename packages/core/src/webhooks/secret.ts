import type { Sealer } from "@homing/signature/sealing";
import { openAt, sealAt } from "../sealing/sealed-columns.js";

/** A secret as its row holds it: it opens in that row alone. */
export function sealSecret(sealer: Sealer, secretId: string, secret: string): string {
  return sealAt(sealer, "webhook_secrets.sealed", { id: secretId, text: secret });
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openSecret(sealer: Sealer, row: { id: string; sealed: string }): string {
  return openAt(sealer, "webhook_secrets.sealed", row);
}

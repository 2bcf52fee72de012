import type { Sealer } from "@homing/signature/sealing";

/** A secret's place at rest: its ciphertext opens nowhere else. */
function place(secretId: string): string {
  return `webhook_secrets.sealed:${secretId}`;
}

/** A secret as its row holds it: it opens in that row alone. */
export function sealSecret(sealer: Sealer, secretId: string, secret: string): string {
  return sealer.seal(secret, place(secretId));
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openSecret(sealer: Sealer, row: { id: string; sealed: string }): string {
  return sealer.open(row.sealed, place(row.id));
}

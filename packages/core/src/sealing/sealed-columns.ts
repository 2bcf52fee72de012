import type { Sealer } from "@homing/signature/sealing";

/** Every column that holds sealed texts, as `table.column` of a table whose key is `id`. Nothing can be sealed for another one. */
export const SEALED_COLUMNS = [
  "webhooks.headers_sealed",
  "webhooks.auth_sealed",
  "webhooks.tls_sealed",
  "webhook_secrets.sealed",
  "webhook_signing_keys.sealed",
] as const;

export type SealedColumn = (typeof SEALED_COLUMNS)[number];

/** A text's place at rest: its ciphertext opens nowhere else. */
function sealedPlace(column: SealedColumn, rowId: string): string {
  return `${column}:${rowId}`;
}

/** Seals a text for one column of one row. */
export function sealAt(sealer: Sealer, column: SealedColumn, row: { id: string; text: string }): string {
  return sealer.seal(row.text, sealedPlace(column, row.id));
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openAt(sealer: Sealer, column: SealedColumn, row: { id: string; sealed: string }): string {
  return sealer.open(row.sealed, sealedPlace(column, row.id));
}

import type { Sealer } from "@homing/signature/sealing";
import { openAt, type SealedColumn, sealAt } from "../sealing/sealed-columns.js";

/** A column of a webhook that holds a JSON object, sealed under its id. */
type SealedSetting = Extract<SealedColumn, `webhooks.${string}`>;

/** A setting as its row holds it; one without a member is none. */
export function sealSetting(
  sealer: Sealer,
  { setting, webhookId }: { setting: SealedSetting; webhookId: string },
  value: object | null,
): string | null {
  if (value === null || Object.keys(value).length === 0) return null;
  return sealAt(sealer, setting, { id: webhookId, text: JSON.stringify(value) });
}

/**
 * The text of what was sealed, to be parsed by who knows what it is.
 * @throws SealError when the key is missing or the row was tampered with
 */
export function openSetting(
  sealer: Sealer,
  { setting, webhookId }: { setting: SealedSetting; webhookId: string },
  sealed: string,
): string {
  return openAt(sealer, setting, { id: webhookId, sealed });
}

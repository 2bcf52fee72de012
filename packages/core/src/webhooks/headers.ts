import type { Sealer } from "@homing/signature/sealing";
import { openAt, sealAt } from "../sealing/sealed-columns.js";

/** Headers that Homing sets on every delivery; a webhook cannot choose them. */
const OWN_HEADERS = /^(content-type|user-agent|webhook-(id|timestamp|signature)|homing-.*)$/i;

/** Whether a header is Homing's own on a delivery. */
export function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.test(name);
}

/** The values may be credentials, so all are sealed. */
export function sealHeaders(sealer: Sealer, webhookId: string, headers: Record<string, string>): string | null {
  if (Object.keys(headers).length === 0) return null;
  return sealAt(sealer, "webhooks.headers_sealed", { id: webhookId, text: JSON.stringify(headers) });
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openHeaders(sealer: Sealer, webhookId: string, sealed: string | null): Record<string, string> {
  return sealed === null ? {} : JSON.parse(openAt(sealer, "webhooks.headers_sealed", { id: webhookId, sealed }));
}

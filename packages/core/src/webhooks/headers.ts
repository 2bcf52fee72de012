import type { Sealer } from "@homing/signature/sealing";

/** Headers that Homing sets on every delivery; a webhook cannot choose them. */
const OWN_HEADERS = /^(content-type|user-agent|webhook-(id|timestamp|signature)|homing-.*)$/i;

/** Whether a header is Homing's own on a delivery. */
export function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.test(name);
}

function place(webhookId: string): string {
  return `webhooks.headers_sealed:${webhookId}`;
}

/** The values may be credentials, so all are sealed. */
export function sealHeaders(sealer: Sealer, webhookId: string, headers: Record<string, string>): string | null {
  return Object.keys(headers).length === 0 ? null : sealer.seal(JSON.stringify(headers), place(webhookId));
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openHeaders(sealer: Sealer, webhookId: string, sealed: string | null): Record<string, string> {
  return sealed === null ? {} : JSON.parse(sealer.open(sealed, place(webhookId)));
}

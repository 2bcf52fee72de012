import type { Sealer } from "@homing/signature/sealing";
import { openSetting, sealSetting } from "./sealed-setting.js";

/** Headers that Homing sets on deliveries, signatures of every format among them, or that would pass for such; a webhook cannot choose them. */
const OWN_HEADERS =
  /^(content-type|user-agent|(webhook|svix|homing)-.*|(x-theirstack|kallima|x-b3os)-signature.*|x-signature|x-timestamp)$/i;

/** Whether a header is Homing's own on a delivery; to a CGI or WSGI application `_` is `-`. */
export function isOwnHeader(name: string): boolean {
  return OWN_HEADERS.test(name.replaceAll("_", "-"));
}

/** The values may be credentials, so all are sealed. */
export function sealHeaders(sealer: Sealer, webhookId: string, headers: Record<string, string>): string | null {
  return sealSetting(sealer, { setting: "webhooks.headers_sealed", webhookId }, headers);
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openHeaders(sealer: Sealer, webhookId: string, sealed: string | null): Record<string, string> {
  return sealed === null
    ? {}
    : JSON.parse(openSetting(sealer, { setting: "webhooks.headers_sealed", webhookId }, sealed));
}

import { createHmac } from "node:crypto";

/** Signatures of the four foreign contracts, sent beside the standard ones so that their receivers work unchanged. */
export const LEGACY_FORMATS = ["theirstack", "baanx", "kallima", "b3os"] as const;

export type LegacyFormat = (typeof LEGACY_FORMATS)[number];

export interface LegacyMessage {
  /** Used as UTF-8 text, also when it looks like `whsec_` and base64: none of the four decodes it. */
  secret: string;
  /** Time of this attempt, whole seconds since 1970. */
  timestampSeconds: number;
  body: string | Uint8Array;
}

/** The headers of one legacy format: HMAC-SHA256 in hex over what each vendor documents. */
export function signLegacy(format: LegacyFormat, message: LegacyMessage): Record<string, string> {
  const { timestampSeconds } = message;
  switch (format) {
    case "theirstack":
      return { "X-TheirStack-Signature-256": `sha256=${hexHmac(message)}` };
    case "baanx":
      return { "X-Timestamp": String(timestampSeconds), "X-Signature": hexHmac(message, `${timestampSeconds}.`) };
    case "kallima":
      return { "Kallima-Signature": `t=${timestampSeconds},v1=${hexHmac(message, `${timestampSeconds}.`)}` };
    case "b3os":
      return { "x-b3os-signature": hexHmac(message) };
    default:
      return format satisfies never;
  }
}

function hexHmac({ secret, body }: LegacyMessage, prefix = ""): string {
  return createHmac("sha256", secret).update(prefix).update(body).digest("hex");
}

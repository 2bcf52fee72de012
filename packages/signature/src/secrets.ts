import { createHmac, randomBytes } from "node:crypto";

/** Standard Webhooks 1.0.0, "Signature scheme": 24 to 64 random bytes, base64, prefixed. */
const PREFIX = "whsec_";
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const SECRET_BYTES_NEW = 32;
/** The HMAC's key, not the client's secret: so no legacy signature, which is an HMAC under that secret, can show the derived key. */
const DERIVATION_LABEL = "homing standard-webhooks";

/** A new secret, `whsec_` and the base64 of 32 random bytes. */
export function createWebhookSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES_NEW).toString("base64");
}

/** The key inside a `whsec_…` text; undefined unless it is 24 to 64 bytes of padded, canonical base64. */
export function parseWebhookSecret(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const key = Buffer.from(encoded, "base64");
  const isSized = key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX;
  // Node skips what is not base64; receivers' libraries do not.
  return isSized && key.toString("base64") === encoded ? key : undefined;
}

/** Whether a text can sign as a Standard Webhooks secret. */
export function isWebhookSecret(text: string): boolean {
  return parseWebhookSecret(text) !== undefined;
}

/**
 * The secret that signs by Standard Webhooks where a client brought a text of its own: the text itself when it is a `whsec_` secret,
 * else `whsec_` and the base64 of HMAC-SHA256(key "homing standard-webhooks", message the text in UTF-8).
 */
export function toWebhookSecret(text: string): string {
  if (isWebhookSecret(text)) return text;
  return PREFIX + createHmac("sha256", DERIVATION_LABEL).update(text).digest("base64");
}

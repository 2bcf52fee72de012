import { type KeyObject, createHmac, sign, timingSafeEqual } from "node:crypto";
import { parseWebhookSecret } from "./secrets.js";

/** Standard Webhooks 1.0.0: 5 minutes to either side. */
const TOLERANCE_SECONDS = 300;
const SIGNATURES_MAX = 20;

export interface StandardHeaders {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

export interface StandardMessage {
  /** Stays the same over all attempts; receivers deduplicate by it. */
  id: string;
  /** Time of this attempt, whole seconds since 1970. */
  timestampSeconds: number;
  /** Signed byte for byte. */
  body: string | Uint8Array;
  /** `whsec_…` texts; during a rotation the message carries one signature for each. */
  secrets: readonly string[];
  /** ed25519 private keys; one `v1a` signature for each stands behind the others. */
  keys?: readonly KeyObject[];
}

/**
 * The three headers of Standard Webhooks 1.0.0 with `v1` (HMAC-SHA256) signatures, one for each secret, and `v1a` (ed25519) ones.
 * @throws Error when there is no secret or one is not a `whsec_…` secret; the secret is not repeated.
 */
export function signStandard(message: StandardMessage): StandardHeaders {
  if (message.secrets.length === 0) throw new Error("no secret to sign with");
  const timestamp = String(message.timestampSeconds);
  const signatures = message.secrets.map(
    (secret) => `v1,${hmac(secret, message.id, timestamp, message.body).toString("base64")}`,
  );
  for (const key of message.keys ?? []) signatures.push(`v1a,${ed25519(key, message.id, timestamp, message.body)}`);
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

export interface StandardVerification {
  headers: Partial<StandardHeaders>;
  body: string | Uint8Array;
  secrets: readonly string[];
  nowSeconds: number;
  toleranceSeconds?: number;
}

export type StandardVerdict =
  | { ok: true }
  | { ok: false; reason: "missing_header" | "malformed_header" | "too_old" | "too_new" | "no_match" };

/**
 * Whether a received message was signed with one of the secrets and is recent. Takes up to 20 signatures; versions other than `v1` are passed over.
 * @throws Error when a secret is not a `whsec_…` secret.
 */
export function verifyStandard(received: StandardVerification): StandardVerdict {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = received.headers;
  if (!id || !timestamp || !signatures) return { ok: false, reason: "missing_header" };

  const offered = signatures.split(" ");
  if (!/^\d{1,15}$/.test(timestamp) || offered.length > SIGNATURES_MAX || !offered.every(isVersioned)) {
    return { ok: false, reason: "malformed_header" };
  }
  const ageSeconds = received.nowSeconds - Number(timestamp);
  const toleranceSeconds = received.toleranceSeconds ?? TOLERANCE_SECONDS;
  if (ageSeconds > toleranceSeconds) return { ok: false, reason: "too_old" };
  if (ageSeconds < -toleranceSeconds) return { ok: false, reason: "too_new" };

  const candidates = offered
    .filter((text) => text.startsWith("v1,"))
    .map((text) => Buffer.from(text.slice(3), "base64"));
  const isSigned = received.secrets.some((secret) => {
    const expected = hmac(secret, id, timestamp, received.body);
    return candidates.some((given) => given.length === expected.length && timingSafeEqual(given, expected));
  });
  return isSigned ? { ok: true } : { ok: false, reason: "no_match" };
}

function isVersioned(signature: string): boolean {
  return /^v\d+[a-z]?,[A-Za-z0-9+/]+={0,2}$/.test(signature);
}

function hmac(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  const key = parseWebhookSecret(secret);
  if (key === undefined) throw new Error("a signing secret is not whsec_ and 24 to 64 bytes of base64");
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
}

function ed25519(key: KeyObject, id: string, timestamp: string, body: string | Uint8Array): string {
  // ed25519 reads its message twice, so it takes it in one piece.
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)]);
  return sign(null, content, key).toString("base64");
}

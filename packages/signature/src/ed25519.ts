import { type KeyObject, createPrivateKey, generateKeyPairSync } from "node:crypto";

/** Standard Webhooks 1.0.0, "Signature scheme", asymmetric: base64 of the 64 bytes of seed and public key, and of the 32 of the public key. */
const PRIVATE_PREFIX = "whsk_";
const PUBLIC_PREFIX = "whpk_";
const KEY_BYTES = 32;

/** What a webhook asks for that wants `v1a` signatures beside the `v1` ones. */
export const V1A_FORMAT = "standard_v1a";

/** An ed25519 key pair as texts. */
export interface SigningKeyPair {
  /** `whsk_…`, a secret. */
  privateKey: string;
  /** `whpk_…`, for everybody. */
  publicKey: string;
}

/** A public key as RFC 8037 has it. */
export interface PublicJwk {
  kty: "OKP";
  crv: "Ed25519";
  /** base64url of its 32 bytes. */
  x: string;
  use: "sig";
  alg: "EdDSA";
  kid: string;
}

/** A new key pair, from the system's random bits. */
export function createSigningKeyPair(): SigningKeyPair {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const publicKey = Buffer.from(x, "base64url");
  return {
    privateKey: PRIVATE_PREFIX + Buffer.concat([Buffer.from(d, "base64url"), publicKey]).toString("base64"),
    publicKey: PUBLIC_PREFIX + publicKey.toString("base64"),
  };
}

/**
 * The key that signs, of a `whsk_…` text; importing one costs more than a signature, so keep it.
 * @throws Error when it is none; the text is not repeated
 */
export function importPrivateKey(text: string): KeyObject {
  const bytes = bytesOf(text, PRIVATE_PREFIX, 2 * KEY_BYTES);
  if (bytes === undefined) throw new Error("a private signing key is not whsk_ and 64 bytes of base64");
  const d = bytes.subarray(0, KEY_BYTES).toString("base64url");
  const x = bytes.subarray(KEY_BYTES).toString("base64url");
  return createPrivateKey({ key: { kty: "OKP", crv: "Ed25519", d, x }, format: "jwk" });
}

/**
 * A `whpk_…` text as a member of a JWKS. A signature does not say by which key it was made: `kid` is the public key's own text, by which
 * a receiver finds it again.
 * @throws Error when it is none
 */
export function toPublicJwk(publicKey: string): PublicJwk {
  const bytes = bytesOf(publicKey, PUBLIC_PREFIX, KEY_BYTES);
  if (bytes === undefined) throw new Error("a public signing key is not whpk_ and 32 bytes of base64");
  return { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url"), use: "sig", alg: "EdDSA", kid: publicKey };
}

function bytesOf(text: string, prefix: string, length: number): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const encoded = text.slice(prefix.length);
  const bytes = Buffer.from(encoded, "base64");
  return bytes.length === length && bytes.toString("base64") === encoded ? bytes : undefined;
}

import { createHash, randomBytes } from "node:crypto";

const PREFIX = "hom_";
const KEY_BYTES = 32;
const SHOWN_CHARACTERS = 12;

/** A new API key: `hom_` and 256 random bits in base64url, 47 characters. */
export function createApiKey(): string {
  return PREFIX + randomBytes(KEY_BYTES).toString("base64url");
}

/** What is stored of a key: SHA-256 in hex. A slow hash adds nothing to 256 random bits. */
export function hashApiKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** The first 12 characters, by which its owner recognises a key. */
export function apiKeyPrefix(key: string): string {
  return key.slice(0, SHOWN_CHARACTERS);
}

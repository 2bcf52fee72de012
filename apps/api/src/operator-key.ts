import { createHash, timingSafeEqual } from "node:crypto";

/** Tells the operator's credential from any other text. */
export type IsOperator = (credential: string) => boolean;

/** What is kept of the operator's credential: SHA-256, for it has 32 characters or more that nobody guesses. */
export function hashOperatorKey(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** Compares digests in constant time; @param hash null: nobody is the operator */
export function createOperatorCheck(hash: Buffer | null): IsOperator {
  return (credential) => hash !== null && timingSafeEqual(hashOperatorKey(credential), hash);
}

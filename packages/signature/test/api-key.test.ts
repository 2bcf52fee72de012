import { expect, test } from "@jest/globals";
import { apiKeyPrefix, createApiKey, hashApiKey } from "../src/api-key.js";

test("a new key carries 256 bits behind its prefix and is never the same", () => {
  const keys = [createApiKey(), createApiKey()];
  for (const key of keys) expect(key).toMatch(/^hom_[A-Za-z0-9_-]{43}$/);
  expect(new Set(keys).size).toBe(2);
});

test("a key is stored as its SHA-256 in hex", () => {
  // FIPS 180-2, appendix B.1.
  expect(hashApiKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("a key is recognised by its first 12 characters", () => {
  expect(apiKeyPrefix("hom_0123456789abcdef")).toBe("hom_01234567");
});

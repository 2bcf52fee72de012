import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createWebhookSecret, isWebhookSecret, parseWebhookSecret } from "../src/secrets.js";

test("a new secret holds 32 bytes and is never the same", () => {
  const secrets = [createWebhookSecret(), createWebhookSecret()];
  expect(secrets.map((secret) => parseWebhookSecret(secret)?.length)).toEqual([32, 32]);
  expect(new Set(secrets).size).toBe(2);
});

test.each([
  [23, false],
  [24, true],
  [64, true],
  [65, false],
])("whether %i bytes are a secret: %p", (bytes, expected) => {
  expect(isWebhookSecret(`whsec_${randomBytes(bytes).toString("base64")}`)).toBe(expected);
});

test.each([
  "",
  "whsec_",
  "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
  "whsec_MfKQ9r8GKYqr TwjUPD8ILPZIo2LaLaSw",
  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA",
  `whsec_${"-_".repeat(16)}`,
])("%j is no secret", (text) => {
  expect(isWebhookSecret(text)).toBe(false);
});

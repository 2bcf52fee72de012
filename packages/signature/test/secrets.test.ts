import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createWebhookSecret, isWebhookSecret, parseWebhookSecret, toWebhookSecret } from "../src/secrets.js";

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

test("a client's own text becomes a secret that its receiver can derive too, one that is a secret stays", () => {
  // printf %s 0123456789abcdef | openssl dgst -sha256 -hmac "homing standard-webhooks" -binary | base64
  expect(toWebhookSecret("0123456789abcdef")).toBe("whsec_n3gJIW9JfCGsU8TGIbwm+IA6Voj8PuxxeTfwwToZ72c=");
  expect(isWebhookSecret(toWebhookSecret("x"))).toBe(true);
  expect(toWebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).toBe("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  expect(toWebhookSecret("whsec_0123456789abcdef")).not.toBe("whsec_0123456789abcdef");
});

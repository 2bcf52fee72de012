import { createPublicKey, verify } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { createSigningKeyPair, importPrivateKey, toPublicJwk } from "../src/ed25519.js";
import { createWebhookSecret } from "../src/secrets.js";
import { signStandard, verifyStandard } from "../src/standard-webhooks.js";

const MESSAGE = { id: "evt_1", timestampSeconds: 1_614_265_330, body: '{"name":"Zoë 😀", "n":1.0}' };

// RFC 8032 §7.1, TEST 1.
const RFC_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const RFC_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const RFC_KEY = `whsk_${Buffer.from(RFC_SEED + RFC_PUBLIC, "hex").toString("base64")}`;

function isSignedBy(publicKey: string, signature: string): boolean {
  const { kty, crv, x } = toPublicJwk(publicKey);
  const content = Buffer.from(`${MESSAGE.id}.${MESSAGE.timestampSeconds}.${MESSAGE.body}`);
  const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  return verify(null, content, key, Buffer.from(signature.slice("v1a,".length), "base64"));
}

describe("v1a", () => {
  test("signatures stand behind the v1 ones, one for each key, and verify under its public key alone", () => {
    const [one, other] = [createSigningKeyPair(), createSigningKeyPair()];
    const secret = createWebhookSecret();
    const keys = [one, other].map(({ privateKey }) => importPrivateKey(privateKey));
    const headers = signStandard({ ...MESSAGE, secrets: [secret], keys });
    const [v1 = "", first = "", second = "", ...others] = headers["webhook-signature"].split(" ");
    expect(others).toEqual([]);
    expect([v1, first, second].map((text) => text.split(",")[0])).toEqual(["v1", "v1a", "v1a"]);
    expect(isSignedBy(one.publicKey, first)).toBe(true);
    expect(isSignedBy(other.publicKey, second)).toBe(true);
    expect(isSignedBy(one.publicKey, second)).toBe(false);
    const received = { headers, body: MESSAGE.body, secrets: [secret], nowSeconds: MESSAGE.timestampSeconds };
    expect(verifyStandard(received)).toEqual({ ok: true });
  });

  test("without a key the header is as it was", () => {
    const secrets = [createWebhookSecret()];
    expect(signStandard({ ...MESSAGE, secrets, keys: [] })).toEqual(signStandard({ ...MESSAGE, secrets }));
  });
});

describe("keys", () => {
  test("have the forms of the specification, and the private one holds the public one", () => {
    const { privateKey, publicKey } = createSigningKeyPair();
    expect(privateKey).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/);
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/);
    const bytes = Buffer.from(privateKey.slice(5), "base64");
    expect(`whpk_${bytes.subarray(32).toString("base64")}`).toBe(publicKey);
    expect(createSigningKeyPair().privateKey).not.toBe(privateKey);
  });

  test("of RFC 8032 are imported as they are", () => {
    const x = Buffer.from(RFC_PUBLIC, "hex");
    expect(importPrivateKey(RFC_KEY).export({ format: "jwk" })).toMatchObject({ x: x.toString("base64url") });
    const publicKey = `whpk_${x.toString("base64")}`;
    expect(toPublicJwk(publicKey)).toEqual({
      kty: "OKP",
      crv: "Ed25519",
      x: x.toString("base64url"),
      use: "sig",
      alg: "EdDSA",
      kid: publicKey,
    });
  });

  test.each(["", "whsk_", "whsk_sesame", `whpk_${"A".repeat(86)}==`, `${RFC_KEY}=`, RFC_KEY.slice(0, -4)])(
    "that are malformed (%j) are refused without being repeated",
    (text) => {
      expect(() => importPrivateKey(text)).toThrow(/^a private signing key is not whsk_ and 64 bytes of base64$/);
      expect(() => toPublicJwk(text)).toThrow(/^a public signing key is not whpk_ and 32 bytes of base64$/);
    },
  );
});

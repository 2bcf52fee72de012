import { describe, expect, test } from "@jest/globals";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { createWebhookSecret } from "../src/secrets.js";
import { signStandard, type StandardVerification, verifyStandard } from "../src/standard-webhooks.js";

const VECTOR = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestampSeconds: 1_614_265_330,
  body: '{"test": 2432232314}',
  secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
};

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

describe("signing", () => {
  test("gives the published vector, for text and for bytes", () => {
    const expected = {
      "webhook-id": VECTOR.id,
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    expect(signStandard(VECTOR)).toEqual(expected);
    expect(signStandard({ ...VECTOR, body: new TextEncoder().encode(VECTOR.body) })).toEqual(expected);
  });

  test.each(['{"name":"Zoë 😀",   "n":1.0}', " []\n", '"\\u0000"'])(
    "the libraries of receivers accept %j under each secret of a rotation",
    (body) => {
      const secrets = [createWebhookSecret(), createWebhookSecret()];
      const headers = signStandard({ id: "evt_1", timestampSeconds: nowSeconds(), body, secrets });
      for (const secret of secrets) {
        expect(() => new StandardWebhook(secret).verify(body, { ...headers })).not.toThrow();
        expect(() => new SvixWebhook(secret).verify(body, { ...headers })).not.toThrow();
      }
    },
  );

  test("the libraries of receivers refuse another secret", () => {
    const headers = signStandard({ ...VECTOR, timestampSeconds: nowSeconds() });
    const other = createWebhookSecret();
    expect(() => new StandardWebhook(other).verify(VECTOR.body, { ...headers })).toThrow("No matching signature");
    expect(() => new SvixWebhook(other).verify(VECTOR.body, { ...headers })).toThrow("No matching signature");
  });

  test("throws without a secret, and for one that is malformed without repeating it", () => {
    expect(() => signStandard({ ...VECTOR, secrets: [] })).toThrow("no secret");
    expect(() => signStandard({ ...VECTOR, secrets: ["whsec_sesame"] })).toThrow(/^(?!.*sesame)/);
  });
});

describe("verifying", () => {
  const { body, secrets, timestampSeconds } = VECTOR;
  const headers = signStandard(VECTOR);

  function verdict(change: Partial<StandardVerification> = {}) {
    return verifyStandard({ headers, body, secrets, nowSeconds: timestampSeconds, ...change });
  }

  test("accepts what was signed, also under the second of two secrets", () => {
    expect(verdict()).toEqual({ ok: true });
    expect(verdict({ secrets: [createWebhookSecret(), ...secrets] })).toEqual({ ok: true });
  });

  test("accepts one good signature among others and among unknown versions", () => {
    const signature = `v1,AAAA v1a,AAAA ${headers["webhook-signature"]}`;
    expect(verdict({ headers: { ...headers, "webhook-signature": signature } })).toEqual({ ok: true });
  });

  test.each([
    ["another secret", { secrets: [createWebhookSecret()] }],
    ["no secret", { secrets: [] }],
    ["a changed body", { body: `${body} ` }],
    ["another id", { headers: { ...headers, "webhook-id": "msg_other" } }],
    ["another timestamp", { headers: { ...headers, "webhook-timestamp": String(timestampSeconds + 1) } }],
    ["a signature that is cut", { headers: { ...headers, "webhook-signature": "v1,g0hM9SsE" } }],
    [
      "the signature under another version",
      { headers: { ...headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,") } },
    ],
  ])("refuses %s as not matching", (_name, change) => {
    expect(verdict(change)).toEqual({ ok: false, reason: "no_match" });
  });

  test.each([
    [300, { ok: true }],
    [301, { ok: false, reason: "too_old" }],
    [-300, { ok: true }],
    [-301, { ok: false, reason: "too_new" }],
  ])("judges a message of %i seconds of age", (ageSeconds, expected) => {
    expect(verdict({ nowSeconds: timestampSeconds + ageSeconds })).toEqual(expected);
  });

  test("takes another tolerance", () => {
    const late = { nowSeconds: timestampSeconds + 11 };
    expect(verdict({ ...late, toleranceSeconds: 11 })).toEqual({ ok: true });
    expect(verdict({ ...late, toleranceSeconds: 10 })).toEqual({ ok: false, reason: "too_old" });
  });

  test.each(["webhook-id", "webhook-timestamp", "webhook-signature"] as const)(
    "refuses a message without %s",
    (name) => {
      const { [name]: _left, ...rest } = headers;
      expect(verdict({ headers: rest })).toEqual({ ok: false, reason: "missing_header" });
    },
  );

  test.each([
    ["webhook-timestamp", "yesterday"],
    ["webhook-timestamp", "1614265330.5"],
    ["webhook-timestamp", "-1"],
    ["webhook-signature", "g0hM9SsE"],
    ["webhook-signature", "v1,"],
    ["webhook-signature", "v1,not base64"],
    ["webhook-signature", `${"v1,AAAA ".repeat(20)}${headers["webhook-signature"]}`],
  ])("refuses the %s %j as malformed", (name, value) => {
    expect(verdict({ headers: { ...headers, [name]: value } })).toEqual({ ok: false, reason: "malformed_header" });
  });
});

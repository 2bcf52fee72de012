import { generateKeyPairSync } from "node:crypto";
import { type TestCertificate, makeAuthority, makeCertificate } from "@homing/local/test-certificates";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeWebhook } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const SECRET = "s3cr3t-of-ours";
const BASIC = { type: "basic", username: "us", password: SECRET };
const BEARER = { type: "bearer", token: SECRET };
const OAUTH2 = {
  type: "oauth2_client_credentials",
  token_url: "https://id.example/token",
  client_id: "us",
  client_secret: SECRET,
  scope: "a b",
  audience: "https://api.example/",
};

const WEAK_KEY = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey.export({
  format: "pem",
  type: "pkcs8",
});

let api: NativeApi;
let us: Organization;
let authority: TestCertificate;
let client: TestCertificate;
let other: TestCertificate;
let expired: TestCertificate;

beforeAll(async () => {
  api = await startNativeApi();
  authority = await makeAuthority("an authority");
  client = await makeCertificate("homing", { authority });
  other = await makeCertificate("other", { authority });
  expired = await makeCertificate("old", { authority, notAfter: new Date("2021-01-01T00:00:00Z") });
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

function post(settings: object) {
  return us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/", ...settings } });
}

describe("auth", () => {
  test.each<[object, object]>([
    [BASIC, { type: "basic", username: "us" }],
    [BEARER, { type: "bearer" }],
    [
      OAUTH2,
      { type: OAUTH2.type, token_url: OAUTH2.token_url, client_id: "us", scope: "a b", audience: OAUTH2.audience },
    ],
  ])("%j is kept sealed and shown without its secret, everywhere", async (auth, shown) => {
    const made = await post({ auth });
    expect(made.status).toBe(201);
    const path = `/v1/webhooks/${made.body.id}`;
    const answers = [
      made,
      await us.ask("GET", path),
      await us.ask("PATCH", path, { json: { description: "x" } }),
      await us.ask("POST", `${path}/disable`),
    ];
    for (const { body, text } of answers) {
      expect(body.auth).toEqual(shown);
      expect(text).not.toContain(SECRET);
    }
    const list = await us.ask("GET", "/v1/webhooks");
    expect([list.body.data[0].auth, list.text.includes(SECRET)]).toEqual([shown, false]);
    const row = await api.db.webhook.findFirstOrThrow({ where: { id: made.body.id } });
    expect(JSON.stringify({ ...row, number: null })).not.toContain(SECRET);
  });

  test("is replaced as a whole, and null takes it away", async () => {
    const { id } = await makeWebhook(us, { auth: BASIC });
    const replaced = await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { auth: BEARER } });
    expect(replaced.body.auth).toEqual({ type: "bearer" });
    expect((await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { auth: null } })).body.auth).toBeNull();
    expect((await api.db.webhook.findFirstOrThrow({ where: { id } })).authSealed).toBeNull();
  });

  test.each<[string, object, string]>([
    ["an unknown kind", { type: "digest" }, "/auth/type"],
    ["no kind", {}, "/auth/type"],
    ["a user name with a colon", { ...BASIC, username: "a:b" }, "/auth/username"],
    ["a user name with a line end", { ...BASIC, username: "a\r\nX: b" }, "/auth/username"],
    ["a password with a NUL", { ...BASIC, password: "a\u0000" }, "/auth/password"],
    ["no password", { type: "basic", username: "us" }, "/auth/password"],
    ["a token with a space", { type: "bearer", token: "a b" }, "/auth/token"],
    ["a token with a line end", { type: "bearer", token: "a\nb" }, "/auth/token"],
    ["a token beyond ASCII", { type: "bearer", token: "é" }, "/auth/token"],
    ["an empty token", { type: "bearer", token: "" }, "/auth/token"],
    ["a token of 4,097 characters", { type: "bearer", token: "x".repeat(4_097) }, "/auth/token"],
    ["no client secret", { ...OAUTH2, client_secret: undefined }, "/auth/client_secret"],
    ["members of another kind", { ...BEARER, password: "x" }, "/auth/password"],
    [
      "a token end-point at a private address",
      { ...OAUTH2, token_url: "http://169.254.169.254/token" },
      "/auth/token_url",
    ],
    ["a token end-point with credentials", { ...OAUTH2, token_url: "https://u:p@id.example/" }, "/auth/token_url"],
    ["a token end-point at a closed port", { ...OAUTH2, token_url: "https://id.example:22/" }, "/auth/token_url"],
    ["a token end-point that is no URL", { ...OAUTH2, token_url: "id.example" }, "/auth/token_url"],
  ])("%s is 422 on its place, without repeating it", async (_name, auth, pointer) => {
    const { status, body, text } = await post({ auth });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
    expect(body.errors[0]).toEqual({ in: "body", pointer, detail: expect.any(String) });
    expect(text).not.toContain(SECRET);
  });

  test("a header Authorization beside it is 422, whichever comes first", async () => {
    const headers = { AUTHORIZATION: "Basic x" };
    const both = await post({ headers, auth: BEARER });
    expect([both.status, both.body.errors[0].pointer]).toEqual([422, "/auth"]);
    expect(both.body.errors[0].detail).toContain("Authorization");
    const withAuth = await makeWebhook(us, { auth: BEARER });
    expect((await us.ask("PATCH", `/v1/webhooks/${withAuth.id}`, { json: { headers } })).status).toBe(422);
    const withHeader = await makeWebhook(us, { headers });
    expect((await us.ask("PATCH", `/v1/webhooks/${withHeader.id}`, { json: { auth: BASIC } })).status).toBe(422);
    const swapped = await us.ask("PATCH", `/v1/webhooks/${withHeader.id}`, { json: { auth: BASIC, headers: {} } });
    expect([swapped.status, swapped.body.headers]).toEqual([200, {}]);
  });
});

describe("a URL of another origin", () => {
  const change = (id: string, json: object) => us.ask("PATCH", `/v1/webhooks/${id}`, { json });

  test.each<[string, object, string]>([
    ["header values", { headers: { "X-Token": SECRET } }, "/headers"],
    ["authentication", { auth: BEARER }, "/auth"],
  ])("does not get %s that were meant for the old one", async (_, settings, pointer) => {
    const { id } = await makeWebhook(us, { url: "https://a.example/old", ...settings });
    for (const url of ["https://b.example/", "https://a.example:8443/", "http://a.example/old"]) {
      const { status, body } = await change(id, { url });
      expect({ status, errors: body.errors }).toEqual({
        status: 422,
        errors: [{ in: "body", pointer, detail: expect.any(String) }],
      });
    }
    expect((await change(id, { url: "https://a.example/new" })).status).toBe(200);
    expect((await change(id, { url: "https://b.example/", ...settings })).status).toBe(200);
    expect((await change(id, { url: "https://c.example/", headers: {}, auth: null })).body).toMatchObject({
      url: "https://c.example/",
      headers: {},
      auth: null,
    });
  });
});

describe("tls", () => {
  test("shows whose certificates they are and when they end, and the key nowhere", async () => {
    const tls = { ca_pem: authority.cert, client_certificate_pem: client.cert, client_key_pem: client.key };
    const made = await post({ tls });
    expect(made.status).toBe(201);
    expect(made.body.tls).toEqual({
      ca: [expect.objectContaining({ subject: "CN=an authority", issuer: "CN=an authority" })],
      client_certificate: {
        subject: "CN=homing",
        issuer: "CN=an authority",
        expires_at: expect.stringMatching(/^20\d\d-.*Z$/),
        fingerprint_sha256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      },
    });
    const [, keyLine = ""] = client.key.split("\n");
    const read = await us.ask("GET", `/v1/webhooks/${made.body.id}`);
    for (const { text } of [made, read]) expect(text).not.toContain(keyLine);
    const row = await api.db.webhook.findFirstOrThrow({ where: { id: made.body.id } });
    expect(JSON.stringify({ ...row, number: null })).not.toContain(keyLine);
    const without = await us.ask("PATCH", `/v1/webhooks/${made.body.id}`, { json: { tls: null } });
    expect(without.body.tls).toBeNull();
  });

  test.each<[string, () => object, string]>([
    ["an authority that is no PEM", () => ({ ca_pem: "x" }), "/tls/ca_pem"],
    ["an authority that is a key", () => ({ ca_pem: authority.key }), "/tls/ca_pem"],
    ["more than certificates", () => ({ ca_pem: `${authority.cert}\n${authority.key}` }), "/tls/ca_pem"],
    ["a broken certificate", () => ({ ca_pem: authority.cert.replace(/[A-Za-z0-9+/]{20}/, "") }), "/tls/ca_pem"],
    ["21 authorities", () => ({ ca_pem: Array(21).fill(authority.cert).join("\n") }), "/tls/ca_pem"],
    ["an authority of 65,537 characters", () => ({ ca_pem: authority.cert.padEnd(65_537) }), "/tls/ca_pem"],
    [
      "an expired certificate",
      () => ({ client_certificate_pem: expired.cert, client_key_pem: expired.key }),
      "/tls/client_certificate_pem",
    ],
    ["a certificate without its key", () => ({ client_certificate_pem: client.cert }), "/tls/client_key_pem"],
    ["a key without its certificate", () => ({ client_key_pem: client.key }), "/tls/client_certificate_pem"],
    [
      "the key of another",
      () => ({ client_certificate_pem: client.cert, client_key_pem: other.key }),
      "/tls/client_key_pem",
    ],
    [
      "a key of an unusual size",
      () => ({ client_certificate_pem: client.cert, client_key_pem: String(WEAK_KEY) }),
      "/tls/client_key_pem",
    ],
    ["a key that is none", () => ({ client_certificate_pem: client.cert, client_key_pem: "x" }), "/tls/client_key_pem"],
    ["nothing", () => ({}), "/tls"],
    [
      "a wish not to verify",
      () => ({ ca_pem: authority.cert, reject_unauthorized: false }),
      "/tls/reject_unauthorized",
    ],
  ])("%s is 422 on its place", async (_name, tls, pointer) => {
    const { status, body, text } = await post({ tls: tls() });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
    expect(body.errors).toEqual([{ in: "body", pointer, detail: expect.any(String) }]);
    expect(text).not.toContain("PRIVATE KEY");
  });

  test("it wants an https URL, also when the URL changes", async () => {
    const tls = { ca_pem: authority.cert };
    expect((await post({ url: "http://a.example/", tls })).body.errors[0].pointer).toBe("/tls");
    const { id } = await makeWebhook(us, { tls });
    expect((await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { url: "http://a.example/" } })).status).toBe(422);
  });
});

describe("headers that could smuggle or impersonate", () => {
  test.each([
    ..."Connection Keep-Alive Proxy-Connection Proxy-Authorization TE Trailer Transfer-Encoding Upgrade Expect Host Content-Length".split(
      " ",
    ),
    ..."Content-Encoding Accept-Encoding Forwarded X-Forwarded-For X-Forwarded-Host x_forwarded_proto X-Real-IP Via True-Client-IP".split(
      " ",
    ),
    ..."Cookie Set-Cookie X-Original-URL X-HTTP-Method-Override webhook-id Webhook-Anything svix-id Svix-Signature homing-delivery-id".split(
      " ",
    ),
    ..."Homing_Event_Type X-TheirStack-Signature-256 X-Signature X-Timestamp Kallima-Signature X-B3OS-Signature content-type user-agent".split(
      " ",
    ),
  ])("%s is refused in every case", async (name) => {
    for (const spelling of [name, name.toUpperCase(), name.toLowerCase()]) {
      const { status, body } = await post({ headers: { [spelling]: "x" } });
      expect([status, body.errors]).toEqual([
        422,
        [{ in: "body", pointer: `/headers/${spelling}`, detail: expect.any(String) }],
      ]);
    }
  });

  test.each<[string, string, string]>([
    ["an empty name", "", "a"],
    ["a padded name", " X-A", "a"],
    ["a name with a space behind", "X-A ", "a"],
    ["a name with a colon", "X-A:", "a"],
    ["a name with a line end", "X-A\r\nX-B", "a"],
    ["a name with a NUL", "X-A\u0000", "a"],
    ["a name beyond ASCII", "X-Ä", "a"],
    ["a name of full-width letters", "Ｈost", "a"],
    ["a name of 65 characters", "x".repeat(65), "a"],
    ["a value with CR", "X-A", "a\rb"],
    ["a value with LF", "X-A", "a\nb"],
    ["a folded value", "X-A", "a\r\n b"],
    ["a value with a NUL", "X-A", "a\u0000b"],
    ["a value with a tab", "X-A", "a\tb"],
    ["a value with DEL", "X-A", "a\u007f"],
    ["a value beyond ASCII", "X-A", "å"],
    ["a value that is cut to a line end by Latin-1", "X-A", "a\u010ab"],
    ["a padded value", "X-A", " a"],
    ["a value with a space behind", "X-A", "a "],
    ["a value of 1,025 characters", "X-A", "a".repeat(1_025)],
  ])("%s is 422", async (_name, name, value) => {
    expect((await post({ headers: { [name]: value } })).status).toBe(422);
  });

  test("all together have at most 8,192 characters", async () => {
    const headers = (last: number) =>
      Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`x${n}`, "a".repeat(n < 7 ? 1_022 : last)]));
    expect((await post({ headers: headers(1_022) })).status).toBe(201);
    const { status, body } = await post({ headers: headers(1_023) });
    expect([status, body.errors[0].pointer]).toEqual([422, "/headers"]);
  });
});

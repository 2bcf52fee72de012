import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { deliveryIdsOf, makeDelivery, makeWebhook, publish, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const DAY_MS = 24 * 60 * 60 * 1000;
const SECRETS_MAX = 10;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

async function makeArchived(): Promise<string> {
  const { id } = await makeWebhook(us);
  await us.ask("DELETE", `/v1/webhooks/${id}`);
  return id;
}

describe.each([
  ["enable", 409],
  ["disable", 409],
  ["rotate_secret", 409],
  ["test", 409],
  ["secret", 200],
] as const)("/v1/webhooks/{webhook_id}/%s", (action, statusOfArchived) => {
  const method = action === "secret" ? "GET" : "POST";

  test(`of an archived webhook is ${statusOfArchived}`, async () => {
    const { status, body } = await us.ask(method, `/v1/webhooks/${await makeArchived()}/${action}`);
    expect(status).toBe(statusOfArchived);
    expect(body.code).toBe(statusOfArchived === 409 ? "webhook_archived" : undefined);
  });

  test("of an unknown webhook is 404, of a malformed id 422", async () => {
    expect((await us.ask(method, `/v1/webhooks/${UNKNOWN_ID}/${action}`)).body.code).toBe("not_found");
    expect((await us.ask(method, `/v1/webhooks/x/${action}`)).body.code).toBe("validation_error");
  });

  test("by another method is 405 with Allow", async () => {
    const { status, headers } = await us.ask("PUT", `/v1/webhooks/${UNKNOWN_ID}/${action}`);
    expect(status).toBe(405);
    expect(headers["allow"]).toBe(action === "secret" ? "GET, HEAD, OPTIONS" : "OPTIONS, POST");
  });
});

describe("POST /v1/webhooks/{webhook_id}/disable and /enable", () => {
  test("disabling says since when and why, holds what is published, and twice is fine", async () => {
    const { id } = await makeWebhook(us);
    const { status, body } = await us.ask("POST", `/v1/webhooks/${id}/disable`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, state: "disabled", disabled_reason: "disabled by request" });
    expect(Math.abs(Date.parse(body.disabled_at) - Date.now())).toBeLessThan(60_000);
    expect((await us.ask("POST", `/v1/webhooks/${id}/disable`)).body.state).toBe("disabled");
    const before = api.hints.length;
    const eventId = await publish(us);
    const { body: page } = await us.ask("GET", `/v1/events/${eventId}/deliveries`);
    expect(page.data).toMatchObject([{ state: "held", next_attempt_at: null }]);
    expect(api.hints).toHaveLength(before);
  });

  test("enabling clears both, and the next event is due at once", async () => {
    const { id } = await makeWebhook(us);
    await us.ask("POST", `/v1/webhooks/${id}/disable`);
    const { status, body } = await us.ask("POST", `/v1/webhooks/${id}/enable`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "enabled", disabled_reason: null, disabled_at: null });
    const { body: page } = await us.ask("GET", `/v1/events/${await publish(us)}/deliveries`);
    expect(page.data).toMatchObject([{ state: "pending" }]);
  });

  test("a disabled webhook is still on the list", async () => {
    const { id } = await makeWebhook(us);
    await us.ask("POST", `/v1/webhooks/${id}/disable`);
    expect((await us.ask("GET", "/v1/webhooks")).body.data).toMatchObject([{ id, state: "disabled" }]);
  });
});

describe("GET /v1/webhooks/{webhook_id}/secret and POST /rotate_secret", () => {
  test("the secret of the creation is shown there and by no other answer", async () => {
    const { body: made } = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/" } });
    const path = `/v1/webhooks/${made.id}`;
    const shown = await us.ask("GET", `${path}/secret`);
    expect(shown.body).toEqual({ secret: made.secret });
    const others = [
      await us.ask("GET", path),
      await us.ask("GET", "/v1/webhooks"),
      await us.ask("PATCH", path, { json: { description: "x" } }),
      await us.ask("POST", `${path}/disable`),
      await us.ask("POST", `${path}/enable`),
    ];
    for (const { text } of others) expect(text).not.toMatch(/whsec_|"secret"/);
  });

  test("a rotation shows the new secret, which /secret shows from then on, and when the old one ends", async () => {
    const { body: made } = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/" } });
    const { status, body } = await us.ask("POST", `/v1/webhooks/${made.id}/rotate_secret`);
    expect(status).toBe(200);
    expect(body.secret).not.toBe(made.secret);
    expect(Math.abs(Date.parse(body.old_secrets_expire_at) - Date.now() - DAY_MS)).toBeLessThan(60_000);
    expect((await us.ask("GET", `/v1/webhooks/${made.id}/secret`)).body).toEqual({ secret: body.secret });
  });

  test("of rotations at once each makes a secret and the last one stays", async () => {
    const { id } = await makeWebhook(us);
    const path = `/v1/webhooks/${id}/rotate_secret`;
    const answers = await Promise.all(Array.from({ length: 4 }, () => us.ask("POST", path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const made = answers.map(({ body }) => body.secret);
    expect(new Set(made).size).toBe(4);
    expect(made).toContain((await us.ask("GET", `/v1/webhooks/${id}/secret`)).body.secret);
  });

  test("a webhook has ten valid secrets at most: the next rotation is 422", async () => {
    const { id } = await makeWebhook(us);
    const path = `/v1/webhooks/${id}/rotate_secret`;
    for (let secrets = 1; secrets < SECRETS_MAX; secrets += 1) expect((await us.ask("POST", path)).status).toBe(200);
    expect((await us.ask("POST", path)).body).toMatchObject({ status: 422, code: "validation_error" });
  });
});

const OWN_SECRET = `whsec_${Buffer.alloc(24, "own").toString("base64")}`;
const NO_SECRETS = [
  "hunter2hunter2hunter2hunter2hunter2",
  `whsec_${Buffer.alloc(23, "hunter2").toString("base64")}`,
  `whsec_${Buffer.alloc(65, "hunter2").toString("base64")}`,
  `whsec_${Buffer.alloc(32, "hunter2").toString("base64url")}hunter2`,
  `whsk_${Buffer.alloc(32, "hunter2").toString("base64")}`,
];

describe("a secret of one's own", () => {
  test("is taken at the creation and at a rotation, and shown as it came", async () => {
    const made = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/", secret: OWN_SECRET } });
    expect(made.body.secret).toBe(OWN_SECRET);
    const path = `/v1/webhooks/${made.body.id}`;
    const longest = `whsec_${Buffer.alloc(64, "b").toString("base64")}`;
    const rotated = await us.ask("POST", `${path}/rotate_secret`, { json: { secret: longest } });
    expect(rotated.body).toMatchObject({ secret: longest, public_key: null });
    expect((await us.ask("GET", `${path}/secret`)).body).toEqual({ secret: longest });
    expect((await us.ask("PATCH", path, { json: { secret: OWN_SECRET } })).body.code).toBe("validation_error");
  });

  test.each(NO_SECRETS)("in another form is 422, and the answer does not repeat it (%#)", async (secret) => {
    const { id } = await makeWebhook(us);
    for (const [path, rest] of [
      ["/v1/webhooks", { url: "https://a.example/" }],
      [`/v1/webhooks/${id}/rotate_secret`, {}],
    ] as const) {
      const { status, body, text } = await us.ask("POST", path, { json: { ...rest, secret } });
      expect(status).toBe(422);
      expect(body.errors).toMatchObject([{ in: "body", pointer: "/secret" }]);
      expect(text).not.toContain(secret.slice(8, 20));
    }
  });
});

describe("/.well-known/jwks.json", () => {
  test("shows a webhook's valid public keys to everybody, newest first, for caches too", async () => {
    const { body: made } = await us.ask("POST", "/v1/webhooks", {
      json: { url: "https://a.example/", signature_formats: ["standard_v1a"] },
    });
    const path = `/v1/webhooks/${made.id}`;
    expect((await us.ask("GET", path)).body.public_key).toBe(made.public_key);
    const { body: rotated } = await us.ask("POST", `${path}/rotate_secret`);
    expect((await us.ask("GET", path)).body.public_key).toBe(rotated.public_key);
    const query = { webhook_id: made.id };
    const { status, headers, body } = await api.ask("GET", "/.well-known/jwks.json", { query });
    expect({ status, cached: headers["cache-control"] }).toEqual({ status: 200, cached: "public, max-age=300" });
    expect(body).toEqual({
      keys: [rotated.public_key, made.public_key].map((key: string) => ({
        kty: "OKP",
        crv: "Ed25519",
        x: Buffer.from(key.slice(5), "base64").toString("base64url"),
        use: "sig",
        alg: "EdDSA",
        kid: key,
      })),
    });
    await us.ask("POST", `${path}/rotate_secret`, { json: { expire_previous_after_seconds: 0 } });
    expect((await api.ask("GET", "/.well-known/jwks.json", { query })).body.keys).toHaveLength(1);
  });

  test("tells a webhook without keys from none in nothing, and lists nobody's", async () => {
    const { id } = await makeWebhook(us);
    const texts = [];
    for (const webhook_id of [id, UNKNOWN_ID]) {
      const { status, text } = await api.ask("GET", "/.well-known/jwks.json", { query: { webhook_id } });
      texts.push(`${status} ${text}`);
    }
    expect(texts).toEqual(['200 {"keys":[]}', '200 {"keys":[]}']);
    const { status, headers } = await api.ask("GET", "/.well-known/jwks.json");
    expect({ status, cached: headers["cache-control"] }).toEqual({ status: 422, cached: "no-store" });
  });
});

describe("POST /v1/webhooks/{webhook_id}/test", () => {
  test("publishes a test event for this webhook alone, whatever its patterns", async () => {
    const { id } = await makeWebhook(us, { event_types: ["other"] });
    await makeWebhook(us);
    const { status, body } = await us.ask("POST", `/v1/webhooks/${id}/test`);
    expect(status).toBe(202);
    expect(body).toEqual({ event_id: expect.stringMatching(/^evt_/) });
    const { body: event } = await us.ask("GET", `/v1/events/${body.event_id}`);
    expect(event).toMatchObject({ type: "webhook.test", payload: { webhook_id: id }, matched_webhooks: 1 });
    const [deliveryId] = await deliveryIdsOf(us, body.event_id);
    expect(api.hints.at(-1)).toMatchObject({ deliveryId, series: 1, number: 1, delayMs: 0 });
  });

  test("of a disabled webhook is 409", async () => {
    const { webhookId } = await makeDelivery(us);
    await us.ask("POST", `/v1/webhooks/${webhookId}/disable`);
    const { status, body } = await us.ask("POST", `/v1/webhooks/${webhookId}/test`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: "webhook_disabled" });
  });
});

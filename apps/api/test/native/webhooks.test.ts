import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeDelivery, makeWebhook, publish, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const DEFAULTS = {
  event_types: [],
  description: null,
  headers: {},
  auth: null,
  tls: null,
  retry_policy: "standard",
  timeout_ms: 15_000,
  in_flight_max: 10,
  rate_limit: null,
  ordering: "none",
  circuit: "closed",
  circuit_changed_at: null,
  circuit_openings: 0,
  signature_formats: [],
  public_key: null,
  metadata: {},
  state: "enabled",
  disabled_reason: null,
  disabled_at: null,
  failing_since: null,
};

const SETTINGS = {
  url: "http://b.example:8080/hooks?x=1",
  event_types: ["invoice.paid", "order.*", "*"],
  description: "Ours & theirs",
  headers: { "X-Token": "s3cret", Authorization: "Basic czNjcmV0" },
  retry_policy: { delays_seconds: [0.5, 60], jitter: 0, final_statuses: [400, 404] },
  timeout_ms: 1_000,
  in_flight_max: 25,
  rate_limit: { count: 100, period_seconds: 60 },
  ordering: "event",
  signature_formats: ["b3os", "kallima"],
  metadata: { team: "billing", note: "" },
};

const SHOWN = { ...SETTINGS, headers: { "X-Token": "[redacted]", Authorization: "[redacted]" } };

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

describe("POST /v1/webhooks", () => {
  test("answers 201 with the defaults and a secret", async () => {
    const { status, body } = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/" } });
    expect(status).toBe(201);
    expect(body).toEqual({
      ...DEFAULTS,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      number: expect.any(Number),
      url: "https://a.example/",
      created_at: expect.any(String),
      updated_at: expect.any(String),
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/),
    });
  });

  test("keeps every setting, and shows header values nowhere", async () => {
    const made = await us.ask("POST", "/v1/webhooks", { json: SETTINGS });
    expect(made.body).toMatchObject(SHOWN);
    const path = `/v1/webhooks/${made.body.id}`;
    const { secret: _shownOnce, ...rest } = made.body;
    const answers = [
      await us.ask("GET", path),
      await us.ask("PATCH", path, { json: { description: SETTINGS.description } }),
      await us.ask("POST", `${path}/disable`),
      await us.ask("POST", `${path}/enable`),
    ];
    for (const { body } of answers) expect(body).toMatchObject(SHOWN);
    expect(answers[0]?.body).toEqual(rest);
    const list = await us.ask("GET", "/v1/webhooks");
    expect(list.body.data).toMatchObject([SHOWN]);
    for (const { text } of [made, list, ...answers]) expect(text).not.toContain("s3cret");
    const row = await api.db.webhook.findFirstOrThrow({ where: { id: made.body.id } });
    expect(row.headersSealed).not.toContain("s3cret");
  });

  test("null event types are all types", async () => {
    const { body } = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/", event_types: null } });
    expect(body.event_types).toEqual([]);
  });

  test.each([
    "standard",
    "theirstack",
    "baanx",
    "kallima",
    "b3os",
    { delays_seconds: [], jitter: 1, final_statuses: [] },
  ])("the retry policy %j is given back as it came", async (retry_policy) => {
    const { id } = await makeWebhook(us, { retry_policy });
    expect((await us.ask("GET", `/v1/webhooks/${id}`)).body.retry_policy).toEqual(retry_policy);
  });

  test("a retry policy of delays alone gets the usual jitter and no final statuses", async () => {
    const { id } = await makeWebhook(us, { retry_policy: { delays_seconds: [1] } });
    const { body } = await us.ask("GET", `/v1/webhooks/${id}`);
    expect(body.retry_policy).toEqual({ delays_seconds: [1], jitter: 0.2, final_statuses: [] });
  });

  test.each<[string, object, string]>([
    ["no URL", { url: undefined }, "/url"],
    ["a URL that is null", { url: null }, "/url"],
    ["a URL that is none", { url: "a.example" }, "/url"],
    ["a URL of another scheme", { url: "ftp://a.example/" }, "/url"],
    ["a URL with credentials", { url: "https://u:p@a.example/" }, "/url"],
    ["a URL at a private address", { url: "http://10.0.0.1/" }, "/url"],
    ["a URL at localhost", { url: "http://localhost:80/" }, "/url"],
    ["a URL of 2,049 characters", { url: "https://a.example/".padEnd(2_049, "x") }, "/url"],
    ["a malformed event type", { event_types: ["a", "b c"] }, "/event_types/1"],
    ["a pattern that starts with a star", { event_types: ["*.paid"] }, "/event_types/0"],
    ["101 event types", { event_types: Array.from({ length: 101 }, (_, index) => `t${index}`) }, "/event_types"],
    ["a description of 501 characters", { description: "x".repeat(501) }, "/description"],
    ["headers that are null", { headers: null }, "/headers"],
    ["a header value that is no text", { headers: { "X-A": 1 } }, "/headers/X-A"],
    ["a header value with a line end", { headers: { "X-A": "a\r\nX-B: c" } }, "/headers/X-A"],
    ["a header value beyond ASCII", { headers: { "X-A": "é" } }, "/headers/X-A"],
    ["a header name with a space", { headers: { "X A": "a" } }, "/headers/X A"],
    ["a time-out below a second", { timeout_ms: 999 }, "/timeout_ms"],
    ["a time-out over 30 seconds", { timeout_ms: 30_001 }, "/timeout_ms"],
    ["a time-out as text", { timeout_ms: "15000" }, "/timeout_ms"],
    ["an unknown signature format", { signature_formats: ["github"] }, "/signature_formats/0"],
    ["a signature format twice", { signature_formats: ["b3os", "b3os"] }, "/signature_formats/1"],
    ["metadata that is no text", { metadata: { a: {} } }, "/metadata/a"],
    ["21 notes", { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, ""])) }, "/metadata"],
    ["an unknown member", { state: "disabled" }, "/state"],
    ["an unknown preset", { retry_policy: "eager" }, "/retry_policy"],
    ["a retry policy that is null", { retry_policy: null }, "/retry_policy"],
    ["a retry policy that is a list", { retry_policy: [1] }, "/retry_policy"],
    ["a retry policy without delays", { retry_policy: { jitter: 0 } }, "/retry_policy/delays_seconds"],
    ["a negative delay", { retry_policy: { delays_seconds: [1, -1] } }, "/retry_policy/delays_seconds/1"],
    ["a delay over a week", { retry_policy: { delays_seconds: [604_801] } }, "/retry_policy/delays_seconds/0"],
    ["101 delays", { retry_policy: { delays_seconds: Array(101).fill(1) } }, "/retry_policy/delays_seconds"],
    ["a jitter over 1", { retry_policy: { delays_seconds: [], jitter: 1.1 } }, "/retry_policy/jitter"],
    [
      "success as final",
      { retry_policy: { delays_seconds: [], final_statuses: [200] } },
      "/retry_policy/final_statuses/0",
    ],
    ["an unknown part of a policy", { retry_policy: { delays_seconds: [], tries: 3 } }, "/retry_policy/tries"],
  ])("%s is 422 on its place, and no webhook is made", async (_name, settings, pointer) => {
    const { status, body } = await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/", ...settings } });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
    expect(body.errors).toEqual([{ in: "body", pointer, detail: expect.any(String) }]);
    expect((await us.ask("GET", "/v1/webhooks")).body.data).toEqual([]);
  });

  test.each([
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "webhook-id",
    "Webhook-Signature",
    "CONTENT-TYPE",
    "User-Agent",
  ])("the header %s is Homing's own: 422", async (name) => {
    const json = { url: "https://a.example/", headers: { [name]: "x" } };
    const { status, body } = await us.ask("POST", "/v1/webhooks", { json });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "body", pointer: `/headers/${name}`, detail: expect.any(String) }]);
  });

  test("one header in two cases is 422, for only one of them could be sent", async () => {
    const json = { url: "https://a.example/", headers: { "X-A": "1", "x-a": "2" } };
    expect((await us.ask("POST", "/v1/webhooks", { json })).status).toBe(422);
  });

  test("malformed JSON is 400, another media type 415, more than 256 KiB 413", async () => {
    const headers = { "Content-Type": "text/plain" };
    expect((await us.ask("POST", "/v1/webhooks", { text: "{" })).status).toBe(400);
    expect((await us.ask("POST", "/v1/webhooks", { text: "{}", headers })).status).toBe(415);
    expect((await us.ask("POST", "/v1/webhooks", { text: "{}".padEnd(256 * 1024 + 1) })).status).toBe(413);
  });
});

describe("GET /v1/webhooks", () => {
  test("lists newest first, page by page, without archived ones", async () => {
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) ids.unshift((await makeWebhook(us)).id);
    await us.ask("DELETE", `/v1/webhooks/${ids[1]}`);
    const first = await us.ask("GET", "/v1/webhooks", { query: { limit: 2 } });
    const second = await us.ask("GET", "/v1/webhooks", { query: { limit: 2, cursor: first.body.next_cursor } });
    const listed = [...first.body.data, ...second.body.data].map(({ id }) => id);
    expect(listed).toEqual([ids[0], ids[2], ids[3], ids[4]]);
    expect(second.body.next_cursor).toBeNull();
  });
});

describe("GET /v1/webhooks/{webhook_id}", () => {
  test("an unknown webhook is 404, a malformed id 422, an id in capitals the same webhook", async () => {
    const { id } = await makeWebhook(us);
    expect((await us.ask("GET", `/v1/webhooks/${UNKNOWN_ID}`)).body.code).toBe("not_found");
    const malformed = await us.ask("GET", "/v1/webhooks/17");
    expect(malformed.status).toBe(422);
    expect(malformed.body.errors).toEqual([{ in: "path", pointer: "/webhook_id", detail: expect.any(String) }]);
    expect((await us.ask("GET", `/v1/webhooks/${id.toUpperCase()}`)).body.id).toBe(id);
  });
});

describe("PATCH /v1/webhooks/{webhook_id}", () => {
  test("changes what it names and nothing else", async () => {
    for (const [name, value] of Object.entries(SETTINGS)) {
      const { id } = await makeWebhook(us);
      const before = (await us.ask("GET", `/v1/webhooks/${id}`)).body;
      const { status, body } = await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { [name]: value } });
      expect(status).toBe(200);
      const shown = Object.entries(SHOWN).find(([shownName]) => shownName === name)?.[1];
      expect(body).toEqual({ ...before, [name]: shown, updated_at: body.updated_at });
      expect(Date.parse(body.updated_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at));
      expect((await us.ask("GET", `/v1/webhooks/${id}`)).body).toEqual(body);
    }
  });

  test("null clears the description and the event types; headers and metadata are replaced whole", async () => {
    const { id } = await makeWebhook(us, SETTINGS);
    const json = { description: null, event_types: null, headers: { "X-B": "b" }, metadata: {} };
    const { body } = await us.ask("PATCH", `/v1/webhooks/${id}`, { json });
    expect(body).toMatchObject({ description: null, event_types: [], metadata: {} });
    expect(body.headers).toEqual({ "X-B": "[redacted]" });
    expect(body.metadata).toEqual({});
    const { body: bare } = await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { headers: {} } });
    expect(bare.headers).toEqual({});
    expect(bare.url).toBe(SETTINGS.url);
  });

  test("new event types hold from the next event on", async () => {
    const { id } = await makeWebhook(us, { event_types: ["other"] });
    const matched = async () => (await us.ask("GET", `/v1/events/${await publish(us)}`)).body.matched_webhooks;
    expect(await matched()).toBe(0);
    await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { event_types: ["invoice.*"] } });
    expect(await matched()).toBe(1);
  });

  test.each<[string, object, string]>([
    ["nothing", {}, ""],
    ["a URL at a private address", { url: "http://[::1]/" }, "/url"],
    ["a URL that is null", { url: null }, "/url"],
    ["a state", { state: "disabled" }, "/state"],
    ["a retry policy that is null", { retry_policy: null }, "/retry_policy"],
    ["a reserved header", { headers: { host: "x" } }, "/headers/host"],
  ])("%s is 422 and changes nothing", async (_name, json, pointer) => {
    const { id } = await makeWebhook(us);
    const before = (await us.ask("GET", `/v1/webhooks/${id}`)).body;
    const { status, body } = await us.ask("PATCH", `/v1/webhooks/${id}`, { json });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "body", pointer, detail: expect.any(String) }]);
    expect((await us.ask("GET", `/v1/webhooks/${id}`)).body).toEqual(before);
  });

  test("an unknown webhook is 404, an archived one 409", async () => {
    const { id } = await makeWebhook(us);
    const json = { description: "x" };
    expect((await us.ask("PATCH", `/v1/webhooks/${UNKNOWN_ID}`, { json })).status).toBe(404);
    await us.ask("DELETE", `/v1/webhooks/${id}`);
    const { status, body } = await us.ask("PATCH", `/v1/webhooks/${id}`, { json });
    expect({ status, code: body.code }).toEqual({ status: 409, code: "webhook_archived" });
  });
});

describe("DELETE /v1/webhooks/{webhook_id}", () => {
  test("archives for good: 204 each time, gone from the list, still to be read, with no more deliveries", async () => {
    const { webhookId, eventId } = await makeDelivery(us);
    for (let times = 0; times < 2; times += 1) {
      const { status, text } = await us.ask("DELETE", `/v1/webhooks/${webhookId}`);
      expect({ status, text }).toEqual({ status: 204, text: "" });
    }
    expect((await us.ask("GET", "/v1/webhooks")).body.data).toEqual([]);
    expect((await us.ask("GET", `/v1/webhooks/${webhookId}`)).body.state).toBe("archived");
    expect((await us.ask("GET", `/v1/events/${await publish(us)}/deliveries`)).body.data).toEqual([]);
    expect((await us.ask("GET", `/v1/events/${eventId}/deliveries`)).body.data).toHaveLength(1);
    const named = { type: "a", payload: {}, webhook_ids: [webhookId] };
    expect((await us.ask("POST", "/v1/events", { json: named })).status).toBe(422);
  });

  test("an unknown webhook is 404", async () => {
    expect((await us.ask("DELETE", `/v1/webhooks/${UNKNOWN_ID}`)).status).toBe(404);
  });
});

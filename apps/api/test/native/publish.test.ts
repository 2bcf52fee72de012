import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { deliveryIdsOf, makeWebhook, publish, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const KIB = 1024;
const PAYLOAD_BYTES_MAX = 256 * KIB;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());

async function freshOrganization(): Promise<Organization> {
  us = await api.createOrganization();
  return us;
}

async function countEvents(organization: Organization): Promise<number> {
  return api.db.event.count({ where: { organizationId: organization.organizationId } });
}

/** A payload of so many bytes. */
function payloadOf(bytes: number): string {
  return `{"a":"${"x".repeat(bytes - 8)}"}`;
}

describe("POST /v1/events", () => {
  test("answers 202 with the event's id and how many webhooks it is for, and hands their deliveries to the queue", async () => {
    await freshOrganization();
    await makeWebhook(us, { event_types: ["invoice.*"] });
    await makeWebhook(us, { event_types: ["order.paid"] });
    await makeWebhook(us);
    const before = api.hints.length;
    const { status, body } = await us.ask("POST", "/v1/events", { json: { type: "invoice.paid", payload: { a: 1 } } });
    expect(status).toBe(202);
    expect(body).toEqual({
      id: expect.stringMatching(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/),
      type: "invoice.paid",
      matched_webhooks: 2,
      duplicate: false,
      created_at: expect.any(String),
    });
    const handed = api.hints.slice(before).map(({ deliveryId }) => deliveryId);
    expect(handed.toSorted()).toEqual((await deliveryIdsOf(us, body.id)).toSorted());
    expect(handed).toHaveLength(2);
  });

  test("keeps what it was told of an event", async () => {
    await freshOrganization();
    const attributes = { tenant: "t-1", note: "" };
    const id = await publish(us, { attributes, occurred_at: "2026-01-02T03:04:05.6789+02:00" });
    const { body } = await us.ask("GET", `/v1/events/${id}`);
    expect(body).toMatchObject({ id, attributes, occurred_at: "2026-01-02T01:04:05.678Z", payload: { a: 1 } });
  });

  test.each([
    "0001-01-01T00:00:00.000Z",
    "1969-12-31T23:59:59.999Z",
    "2028-02-29T23:59:59.000Z",
    "9999-12-31T23:59:59.999Z",
  ])("an event may have happened at %s", async (time) => {
    await freshOrganization();
    const { body } = await us.ask("GET", `/v1/events/${await publish(us, { occurred_at: time })}`);
    expect(body.occurred_at).toBe(time);
  });

  test("an event happened now unless it says otherwise", async () => {
    await freshOrganization();
    const { body } = await us.ask("GET", `/v1/events/${await publish(us)}`);
    expect(body.occurred_at).toBe(body.created_at);
    expect(Math.abs(Date.parse(body.created_at) - Date.now())).toBeLessThan(60_000);
  });

  test.each([
    ["numbers that no double can hold", `{"price":1.0,"id":12345678901234567890,"e":1E+2,"z":-0.0}`],
    ["whitespace", `{ "a" :\t[ 1 ,\n 2 ]\r\n, "b":{ } }`],
    ["escaped unicode and slashes", String.raw`{"\u0061":"\ud83d\ude00 \/ \u00e9 é 😀"}`],
    ["members of one name", `{"a":1,"a":2,"b":{"c":1,"c":[]}}`],
    ["brackets and quotes in strings", String.raw`{"a":"}]\"{[\\","b":"\\\\"}`],
    ["nothing", `{}`],
  ])("a payload with %s is given back byte for byte", async (_name, payload) => {
    await freshOrganization();
    const text = `{"payload":  ${payload} , "type":"a.b"}`;
    const { body } = await us.ask("POST", "/v1/events", { text });
    expect((await us.ask("GET", `/v1/events/${body.id}`)).text).toContain(`"payload":${payload}}`);
    expect((await us.ask("GET", "/v1/events")).text).not.toContain("payload");
    expect(await api.db.event.findFirst({ where: { organizationId: us.organizationId } })).toMatchObject({ payload });
  });

  test("of two payloads in one event the last counts, as for every reader of JSON", async () => {
    await freshOrganization();
    const { body } = await us.ask("POST", "/v1/events", {
      text: `{"type":"a","payload":{"first":1},"payload":{"second":2}}`,
    });
    expect((await us.ask("GET", `/v1/events/${body.id}`)).text).toContain(`"payload":{"second":2}}`);
  });

  const notATime = "must be a time as in RFC 3339, with its offset";
  test.each([
    [{ type: "a b" }, "/type", "must be words of letters, digits, _ and -, joined by dots"],
    [{ type: "homing.x" }, "/type", "must not start with homing.: these are Homing's own events"],
    [{ occurred_at: "yesterday" }, "/occurred_at", notATime],
    [{ occurred_at: "2026-02-30T00:00:00Z" }, "/occurred_at", notATime],
    [{ webhook_ids: ["x"] }, "/webhook_ids/0", "must be a UUID"],
  ])("an event with %j is refused with a text that says what is wanted", async (member, pointer, detail) => {
    const { status, body } = await us.ask("POST", "/v1/events", { json: { type: "a.b", payload: {}, ...member } });
    expect({ status, errors: body.errors }).toEqual({ status: 422, errors: [{ in: "body", pointer, detail }] });
  });

  test("so is an Idempotency-Key that cannot be read, and an event's id in a filter", async () => {
    const keyed = { json: { type: "a.b", payload: {} }, headers: { "Idempotency-Key": "a b" } };
    expect((await us.ask("POST", "/v1/events", keyed)).body.errors).toEqual([
      { in: "header", pointer: "/idempotency-key", detail: "must be 1 to 200 visible ASCII characters" },
    ]);
    expect((await us.ask("GET", "/v1/deliveries?event_id=x")).body.errors).toEqual([
      { in: "query", pointer: "/event_id", detail: "must be evt_ and a ULID, or a UUID" },
    ]);
  });

  test("a payload of 256 KiB is taken, one byte more is 413 that names it", async () => {
    await freshOrganization();
    const full = payloadOf(PAYLOAD_BYTES_MAX);
    expect((await us.ask("POST", "/v1/events", { text: `{"type":"a","payload":${full}}` })).status).toBe(202);
    const over = payloadOf(PAYLOAD_BYTES_MAX + 1);
    const { status, body } = await us.ask("POST", "/v1/events", { text: `{"type":"a","payload":${over}}` });
    expect(status).toBe(413);
    expect(body).toMatchObject({ code: "payload_too_large", errors: [{ in: "body", pointer: "/payload" }] });
    expect(await countEvents(us)).toBe(1);
  });

  test("a payload is measured in bytes, not in characters", async () => {
    await freshOrganization();
    const payload = `{"a":"${"é".repeat(PAYLOAD_BYTES_MAX / 2)}"}`;
    expect((await us.ask("POST", "/v1/events", { text: `{"type":"a","payload":${payload}}` })).status).toBe(413);
  });

  test("a body of 320 KiB is read, one byte more is 413", async () => {
    await freshOrganization();
    const event = `{"type":"a","payload":{}}`;
    const full = event.padEnd(320 * KIB);
    expect((await us.ask("POST", "/v1/events", { text: full })).status).toBe(202);
    expect((await us.ask("POST", "/v1/events", { text: `${full} ` })).body.code).toBe("payload_too_large");
  });

  test.each([
    ["no type", { payload: {} }, "/type"],
    ["no payload", { type: "a" }, "/payload"],
    ["a payload that is no object", { type: "a", payload: [1] }, "/payload"],
    ["a payload that is null", { type: "a", payload: null }, "/payload"],
    ["a type with a space", { type: "a b", payload: {} }, "/type"],
    ["a type that is a pattern", { type: "a.*", payload: {} }, "/type"],
    ["a type of 129 characters", { type: "a".repeat(129), payload: {} }, "/type"],
    ["an unknown member", { type: "a", payload: {}, colour: 1 }, "/colour"],
    ["a time without offset", { type: "a", payload: {}, occurred_at: "2026-01-02T03:04:05" }, "/occurred_at"],
    ["a day that no month has", { type: "a", payload: {}, occurred_at: "2026-02-30T03:04:05Z" }, "/occurred_at"],
    ["an hour that no day has", { type: "a", payload: {}, occurred_at: "2026-02-20T24:00:00Z" }, "/occurred_at"],
    ["a year that Postgres lacks", { type: "a", payload: {}, occurred_at: "0000-01-01T00:00:00Z" }, "/occurred_at"],
    ["a year of five digits", { type: "a", payload: {}, occurred_at: "9999-12-31T23:59:59-01:00" }, "/occurred_at"],
    ["a number as an attribute", { type: "a", payload: {}, attributes: { n: 1 } }, "/attributes/n"],
    ["no webhook at all", { type: "a", payload: {}, webhook_ids: [] }, "/webhook_ids"],
    ["a malformed webhook id", { type: "a", payload: {}, webhook_ids: ["x"] }, "/webhook_ids/0"],
    [
      "a webhook twice, in other case",
      { type: "a", payload: {}, webhook_ids: [UNKNOWN_ID, UNKNOWN_ID.toUpperCase()] },
      "/webhook_ids/1",
    ],
    ["an array", [], ""],
    ["a text", "event", ""],
  ])("%s is 422 on its place", async (_name, json, pointer) => {
    await freshOrganization();
    const { status, body } = await us.ask("POST", "/v1/events", { json });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
    expect(body.errors).toEqual([{ in: "body", pointer, detail: expect.any(String) }]);
    expect(await countEvents(us)).toBe(0);
  });

  test("no body is 422, malformed JSON 400, another media type 415", async () => {
    await freshOrganization();
    expect((await us.ask("POST", "/v1/events")).status).toBe(422);
    expect((await us.ask("POST", "/v1/events", { text: "{" })).body).toMatchObject({
      status: 400,
      code: "malformed_json",
    });
    const headers = { "Content-Type": "text/plain" };
    const plain = await us.ask("POST", "/v1/events", { text: "{}", headers });
    expect(plain.body).toMatchObject({ status: 415, code: "unsupported_media_type" });
  });

  test("a type of Homing's own events is 422 with a text that says so, also for webhooks by name", async () => {
    await freshOrganization();
    const { id } = await makeWebhook(us, { event_types: ["homing.*"] });
    for (const more of [{}, { webhook_ids: [id] }]) {
      const json = { type: "homing.webhook.disabled", payload: {}, ...more };
      const { status, body } = await us.ask("POST", "/v1/events", { json });
      expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_error" });
      expect(body.errors).toEqual([
        { in: "body", pointer: "/type", detail: expect.stringContaining("Homing's own events") },
      ]);
    }
    expect(await countEvents(us)).toBe(0);
    expect((await us.ask("GET", "/v1/events", { query: { type: "homing.webhook.disabled" } })).status).toBe(200);
  });

  test("names webhooks to get it whatever their patterns, in any case of letters", async () => {
    await freshOrganization();
    const { id } = await makeWebhook(us, { event_types: ["other"] });
    await makeWebhook(us);
    const json = { type: "a", payload: {}, webhook_ids: [id.toUpperCase()] };
    const { body } = await us.ask("POST", "/v1/events", { json });
    expect(body.matched_webhooks).toBe(1);
    const { body: page } = await us.ask("GET", `/v1/events/${body.id}/deliveries`);
    expect(page.data).toMatchObject([{ webhook_id: id }]);
  });

  test("unknown webhooks are 422 on /webhook_ids, and nothing is published", async () => {
    await freshOrganization();
    const { id } = await makeWebhook(us);
    const json = { type: "a", payload: {}, webhook_ids: [id, UNKNOWN_ID] };
    const { status, body } = await us.ask("POST", "/v1/events", { json });
    expect(status).toBe(422);
    expect(body.errors).toEqual([{ in: "body", pointer: "/webhook_ids", detail: expect.stringContaining(UNKNOWN_ID) }]);
    expect(body.errors[0].detail).not.toContain(id);
    expect(await countEvents(us)).toBe(0);
  });
});

import { createHmac } from "node:crypto";
import { toWebhookSecret } from "@homing/signature/secrets";
import { signLegacy } from "@homing/signature/legacy";
import { verifyStandard } from "@homing/signature/standard-webhooks";
import { type ReceivedRequest, startReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { snapshot } from "../native/snapshot.js";
import type { ContractOrganization } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";
import {
  eventOf,
  expectError,
  makeWebhook,
  publishTo,
  rowOf,
  SECRET,
  startTheirstack,
  type Theirstack,
  UNKNOWN_NUMBER,
  waitForStatus,
} from "./theirstack-fixtures.js";

const WEBHOOKS = "/v0/webhooks";
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

let all: Theirstack;
let us: ContractOrganization;

beforeAll(async () => {
  all = await startTheirstack();
});
afterAll(() => all.stop());
beforeEach(async () => {
  all.receiver.answerWith(() => ({}));
  us = await all.api.createOrganization();
});

function lastRequest(): ReceivedRequest {
  const request = all.receiver.requests.at(-1);
  if (request === undefined) throw new Error("nothing was received");
  return request;
}

describe("creating", () => {
  test("answers 200 with the webhook: what means nothing to Homing comes back as it was given", async () => {
    const input = {
      url: `${all.receiver.url}hook`,
      search_id: 123,
      description: "Webhook for new jobs",
      listening_start_time: "2024-01-01T00:00:00",
      trigger_once_per_company: true,
      active_event_types: ["job_new"],
    };
    const { status, body } = await us.ask("POST", WEBHOOKS, { json: { ...input, secret: SECRET, type: "x" } });
    expect(status).toBe(200);
    const times = { created_at: expect.stringMatching(TIME), updated_at: expect.stringMatching(TIME) };
    const ours = { id: expect.any(Number), user_id: 0, team_id: 0, is_active: true, is_archived: false };
    expect(body).toEqual({ ...input, ...ours, ...times, has_secret: true });
    expect((await us.ask("GET", `${WEBHOOKS}/${body.id}`)).body).toEqual(body);
  });

  test("what is not given has the defaults, and the retry preset is the contract's", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    expect(webhook).toMatchObject({ description: null, listening_start_time: null, trigger_once_per_company: false });
    expect(webhook).toMatchObject({ active_event_types: [], has_secret: false });
    const row = await all.api.db.webhook.findUniqueOrThrow({ where: { number: webhook.id } });
    expect(row).toMatchObject({ retryPolicy: "theirstack", signatureFormats: [] });
  });

  test.each([
    [{ search_id: 1 }, "body.url"],
    [{ url: "https://a.example/" }, "body.search_id"],
    [{ url: "", search_id: 1 }, "body.url"],
    [{ url: `https://a.example/${"a".repeat(2_083)}`, search_id: 1 }, "body.url"],
    [{ url: "http://10.0.0.1/", search_id: 1 }, "body.url"],
    [{ url: "ftp://a.example/", search_id: 1 }, "body.url"],
    [{ url: "https://a.example/", search_id: "1" }, "body.search_id"],
    [{ url: "https://a.example/", search_id: 1, secret: "x".repeat(15) }, "body.secret"],
    [{ url: "https://a.example/", search_id: 1, listening_start_time: "2024-02-30T00:00:00" }, "body.listening"],
    [{ url: "https://a.example/", search_id: 1, active_event_types: ["a..b"] }, "body.active_event_types.0"],
  ])("of %j is 422 and says where it is wrong", async (json, place) => {
    const before = await snapshot(all.api.db);
    expect(expectError(await us.ask("POST", WEBHOOKS, { json }), 422, "E-005")).toContain(place);
    expect(await snapshot(all.api.db)).toEqual(before);
  });
});

describe("a client's own secret", () => {
  test("signs as text in X-TheirStack-Signature-256, and derived by Standard Webhooks", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url, secret: SECRET });
    await waitForStatus(us, webhook, await publishTo(us, webhook), "SUCCESS");
    const { headers, body } = lastRequest();
    const legacy = signLegacy("theirstack", { secret: SECRET, timestampSeconds: 0, body });
    expect(headers["x-theirstack-signature-256"]).toBe(legacy["X-TheirStack-Signature-256"]);
    const key = createHmac("sha256", "homing standard-webhooks").update(SECRET).digest("base64");
    expect(toWebhookSecret(SECRET)).toBe(`whsec_${key}`);
    const standard = {
      "webhook-id": String(headers["webhook-id"]),
      "webhook-timestamp": String(headers["webhook-timestamp"]),
      "webhook-signature": String(headers["webhook-signature"]),
    };
    const nowSeconds = Math.floor(Date.now() / 1000);
    expect(verifyStandard({ headers: standard, body, secrets: [`whsec_${key}`], nowSeconds })).toEqual({ ok: true });
  });

  test("that is taken away by null takes its header with it", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url, secret: SECRET });
    const { body } = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, { json: { secret: null } });
    expect(body.has_secret).toBe(false);
    await waitForStatus(us, webhook, await publishTo(us, webhook), "SUCCESS");
    expect(lastRequest().headers).not.toHaveProperty("x-theirstack-signature-256");
    expect(lastRequest().headers).toHaveProperty("webhook-signature");
  });

  test("is shown nowhere", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url, secret: "a-very-secret-secret" });
    for (const path of [WEBHOOKS, `${WEBHOOKS}/${webhook.id}`]) {
      expect((await us.ask("GET", path)).text).not.toContain("a-very-secret-secret");
    }
  });
});

describe("listing", () => {
  test("is a bare array, newest first, without archived webhooks and those of tests", async () => {
    expect((await us.ask("GET", WEBHOOKS)).text).toBe("[]");
    const first = await makeWebhook(us, { url: all.receiver.url });
    const archived = await makeWebhook(us, { url: all.receiver.url });
    const disabled = await makeWebhook(us, { url: all.receiver.url });
    await us.ask("PATCH", `${WEBHOOKS}/${archived.id}/archive`);
    await us.ask("PATCH", `${WEBHOOKS}/${disabled.id}/status`, { json: { is_active: false } });
    await us.ask("POST", `${WEBHOOKS}/test`, { json: { url: all.receiver.url } });
    const { body } = await us.ask("GET", WEBHOOKS);
    expect(body).toMatchObject([
      { id: disabled.id, is_active: false, is_archived: false },
      { id: first.id, is_active: true },
    ]);
    expect(body).toHaveLength(2);
  });

  test("a webhook of another contract has no search", async () => {
    await us.ask("POST", "/v1/webhooks", { json: { url: all.receiver.url } });
    expect((await us.ask("GET", WEBHOOKS)).body).toMatchObject([{ search_id: null, trigger_once_per_company: false }]);
  });
});

describe("disabling and enabling", () => {
  test("what came meanwhile is held, and sent once it is enabled", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const off = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}/status`, { json: { is_active: false } });
    expect(off.body).toMatchObject({ id: webhook.id, is_active: false, is_archived: false });
    const number = await publishTo(us, webhook);
    expect(await rowOf(all.api, number)).toMatchObject({ state: "held" });
    expect(await eventOf(us, webhook, number)).toMatchObject({ status: "IN_PROGRESS" });
    const on = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}/status`, { json: { is_active: true } });
    expect(on.body).toMatchObject({ is_active: true });
    await all.api.worker.relay();
    await waitForStatus(us, webhook, number, "SUCCESS");
  });

  test.each([{}, { is_active: null }, { is_active: "true" }, []])("by %j is 422", async (json) => {
    const { id } = await makeWebhook(us, { url: all.receiver.url });
    expectError(await us.ask("PATCH", `${WEBHOOKS}/${id}/status`, { json }), 422, "E-005");
  });
});

describe("archiving", () => {
  test("ends the deliveries and keeps the history; a second time changes nothing", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const number = await publishTo(us, webhook);
    await waitForStatus(us, webhook, number, "SUCCESS");
    const { status, body } = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}/archive`);
    expect({ status, body }).toMatchObject({ status: 200, body: { is_active: false, is_archived: true } });
    expect((await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}/archive`)).body).toEqual(body);
    expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}`)).body).toEqual(body);
    await us.ask("POST", "/v1/events", { json: { type: "job_new", payload: {} } });
    const { body: events } = await us.ask("GET", `${WEBHOOKS}/${webhook.id}/events`);
    expect(events).toMatchObject([{ id: number, status: "SUCCESS" }]);
  });
});

describe("testing", () => {
  test("a bare URL is called once by the worker, signed with the secret that is given, and leaves no webhook", async () => {
    all.receiver.answerWith(() => ({ status: 201, body: "thanks" }));
    const before = all.receiver.requests.length;
    const json = { url: `${all.receiver.url}try`, event_type: "job_new", secret: SECRET };
    const { status, body } = await us.ask("POST", `${WEBHOOKS}/test`, { json });
    const { path, headers, body: sent } = lastRequest();
    const signature = signLegacy("theirstack", { secret: SECRET, timestampSeconds: 0, body: sent });
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 201, message: "thanks", signature: signature["X-TheirStack-Signature-256"] },
    });
    expect(headers["x-theirstack-signature-256"]).toBe(body.signature);
    expect({ path, type: headers["homing-event-type"] }).toEqual({ path: "/try", type: "job_new" });
    expect(all.receiver.requests).toHaveLength(before + 1);
    const { organizationId } = us;
    expect(await all.api.db.webhook.count({ where: { organizationId, state: { not: "archived" } } })).toBe(0);
    expect((await us.ask("GET", `${WEBHOOKS}/events/count`)).body).toEqual([]);
  });

  test("a bare URL's delivery is on no list, in any contract's words; its event leads to it", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const number = await publishTo(us, webhook);
    await waitForStatus(us, webhook, number, "SUCCESS");
    await us.ask("POST", `${WEBHOOKS}/test`, { json: { url: all.receiver.url } });
    await us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: webhook.id, secret: SECRET } });
    const { id } = await rowOf(all.api, number);
    const only = [expect.objectContaining({ id })];
    expect((await us.ask("GET", "/v1/deliveries")).body.data).toEqual(only);
    expect((await us.ask("GET", "/v1/deliveries", { query: { state: "succeeded", limit: 1 } })).body).toMatchObject({
      data: only,
      next_cursor: null,
    });
    expect((await us.ask("GET", "/v1/webhook_deliveries")).body).toEqual(only);
    const page = { items: only, limit: 1, offset: 0, hasMore: false };
    expect((await us.ask("GET", "/v1/execution-webhooks/deliveries", { query: { limit: 1 } })).body.data).toEqual(page);
    const { body: events } = await us.ask("GET", "/v1/events", { query: { limit: 1 } });
    const { body: deliveries } = await us.ask("GET", `/v1/events/${events.data[0].id}/deliveries`);
    expect(deliveries.data).toHaveLength(1);
    expect(deliveries.data[0].id).not.toBe(id);
  });

  test("the webhook of a moment is matched by no event and found by no number", async () => {
    const release = holdAnswers(all.receiver);
    const before = all.receiver.requests.length;
    const testing = us.ask("POST", `${WEBHOOKS}/test`, { json: { url: all.receiver.url } });
    await Promise.all([testing.then(() => undefined), observe()]);

    async function observe(): Promise<void> {
      await all.receiver.waitForRequests(before + 1);
      const { organizationId } = us;
      const row = await all.api.db.webhook.findFirstOrThrow({ where: { organizationId, isEphemeral: true } });
      const { body } = await us.ask("POST", "/v1/events", { json: { type: "job_new", payload: {} } });
      expect(body.matched_webhooks).toBe(0);
      expectError(await us.ask("GET", `${WEBHOOKS}/${row.number}`), 400, "E-003");
      expect((await us.ask("GET", WEBHOOKS)).body).toEqual([]);
      expect((await us.ask("GET", "/v1/webhooks")).body.data).toEqual([]);
      release();
    }
  });

  test("a receiver that fails is told as it is, and not tried again", async () => {
    all.receiver.answerWith(() => ({ status: 500, body: "no" }));
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const { status, body } = await us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: webhook.id } });
    expect({ status, body }).toEqual({ status: 200, body: { status: 500, message: "no" } });
    const [event] = (await us.ask("GET", `${WEBHOOKS}/${webhook.id}/events`)).body;
    expect(await rowOf(all.api, event.id)).toMatchObject({ state: "cancelled", attemptsTotal: 1 });
  });

  test("a receiver that cannot be reached has no status", async () => {
    const gone = await startReceiver();
    await gone.close();
    const { body } = await us.ask("POST", `${WEBHOOKS}/test`, { json: { url: gone.url } });
    expect(body).toEqual({ status: 0, message: expect.stringMatching(/./) });
  });

  test("a webhook gets an event of its own type, whatever its patterns, in its own history", async () => {
    const webhook = await makeWebhook(us, {
      url: all.receiver.url,
      active_event_types: ["a.*", "homing.webhook.disabled", "company_new"],
    });
    const { body } = await us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: webhook.id, secret: null } });
    expect(body).toEqual({ status: 200, message: "" });
    expect(lastRequest().headers["homing-event-type"]).toBe("company_new");
    expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}/events/count`)).body).toBe(1);
  });

  test("another URL or secret takes the place of the webhook's for the test alone", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url, secret: SECRET });
    const url = `${all.receiver.url}other`;
    const { body } = await us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: webhook.id, url } });
    const { path, body: sent } = lastRequest();
    const signature = signLegacy("theirstack", { secret: SECRET, timestampSeconds: 0, body: sent });
    expect({ path, signature: body.signature }).toEqual({
      path: "/other",
      signature: signature["X-TheirStack-Signature-256"],
    });
    expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}`)).body).toEqual(webhook);
    expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}/events/count`)).body).toBe(0);
  });

  test("another URL gets none of the webhook's headers, another secret leaves them", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const { id } = await all.api.db.webhook.findFirstOrThrow({ where: { number: webhook.id } });
    await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { headers: { Authorization: "Bearer planted" } } });
    const send = (json: object) => us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: webhook.id, ...json } });
    await send({ url: `${all.receiver.url}other` });
    expect(lastRequest().path).toBe("/other");
    expect(lastRequest().headers["authorization"]).toBeUndefined();
    await send({ secret: SECRET });
    expect(lastRequest().headers["authorization"]).toBe("Bearer planted");
  });

  test("of an archived webhook is refused, also with another URL", async () => {
    const { id } = await makeWebhook(us, { url: all.receiver.url });
    await us.ask("PATCH", `${WEBHOOKS}/${id}/archive`);
    const received = all.receiver.requests.length;
    for (const json of [{ webhook_id: id }, { webhook_id: id, url: all.receiver.url }]) {
      expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json }), 400, "E-001");
    }
    expect(all.receiver.requests.length).toBe(received);
  });

  test("needs a URL or a webhook that is known and enabled", async () => {
    expect(expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json: {} }), 422, "E-005")).toContain("body.url");
    const blocked = { url: "http://10.0.0.1/" };
    expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json: blocked }), 422, "E-005");
    const own = { url: all.receiver.url, event_type: "homing.webhook.disabled" };
    expect(expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json: own }), 422, "E-005")).toContain("homing.");
    const unknown = { webhook_id: UNKNOWN_NUMBER };
    expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json: unknown }), 400, "E-003");
    const { id } = await makeWebhook(us, { url: all.receiver.url });
    await us.ask("PATCH", `${WEBHOOKS}/${id}/status`, { json: { is_active: false } });
    expectError(await us.ask("POST", `${WEBHOOKS}/test`, { json: { webhook_id: id } }), 400, "E-001");
  });
});

describe("an id in the path", () => {
  test.each(["abc", "1.5", "1e3", "0x1", "9007199254740993"])("%s is 422", async (id) => {
    expectError(await us.ask("GET", `${WEBHOOKS}/${id}`), 422, "E-005");
    expectError(await us.ask("PATCH", `${WEBHOOKS}/${id}/archive`), 422, "E-005");
  });

  test("that is unknown is 400", async () => {
    expectError(await us.ask("GET", `${WEBHOOKS}/${UNKNOWN_NUMBER}`), 400, "E-003");
    expectError(await us.ask("GET", `${WEBHOOKS}/-1`), 400, "E-003");
  });
});

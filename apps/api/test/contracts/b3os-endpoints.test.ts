import { createHmac } from "node:crypto";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { signStandard } from "@homing/signature/standard-webhooks";
import { ENDPOINTS, makeEndpoint, publish, UNKNOWN_ID, waitForStatus } from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const MEMBERS = [
  "createdAt",
  "createdBy",
  "id",
  "maxRetries",
  "name",
  "organizationId",
  "status",
  "subscribedEventTypes",
  "updatedAt",
  "url",
];

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await startContractApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
  receiver = await startReceiver();
});
afterEach(async () => {
  api.worker.resume();
  await receiver.close();
});
afterAll(() => api.stop());

function create(json: object) {
  return us.ask("POST", ENDPOINTS, { json });
}

describe("POST execution-webhooks", () => {
  test("200 with the endpoint and its signing secret, shown here alone", async () => {
    const { status, body } = await create({
      name: "Production run events",
      url: "https://example.com/b3os/events",
      description: "Receives run events.",
      subscribedEventTypes: ["run.completed", "node.*"],
      maxRetries: 3,
    });
    expect(status).toBe(200);
    const { endpoint, signingSecret } = body.data;
    expect(body).toEqual({ code: 200, message: "success", requestId: expect.stringMatching(/^req_/), data: body.data });
    expect(signingSecret).toMatch(/^whsec_/);
    expect(endpoint).toEqual({
      id: expect.any(String),
      organizationId: us.organizationId,
      name: "Production run events",
      url: "https://example.com/b3os/events",
      description: "Receives run events.",
      subscribedEventTypes: ["run.completed", "node.*"],
      maxRetries: 3,
      status: "active",
      createdBy: expect.any(String),
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
    });
    const read = await us.ask("GET", `${ENDPOINTS}/${endpoint.id}`);
    expect(read.body.data).toEqual(endpoint);
    expect(read.text).not.toContain(signingSecret);
  });

  test("200 with a name and a URL alone: every type, five retries, nothing that was not said", async () => {
    const { body } = await create({ name: "hook", url: "https://example.com/" });
    expect(body.data.endpoint).toMatchObject({ subscribedEventTypes: [], maxRetries: 5 });
    expect(Object.keys(body.data.endpoint).toSorted()).toEqual(MEMBERS);
  });

  test("200 with members that Homing does not know: they are ignored", async () => {
    const { status, body } = await create({ name: "hook", url: "https://example.com/", projectId: "p" });
    expect(status).toBe(200);
    expect(body.data.endpoint).not.toHaveProperty("projectId");
  });

  test.each([
    { maxRetries: 0, delays: [] },
    { maxRetries: 2, delays: [5, 300] },
    { maxRetries: 5, delays: "b3os" },
    { maxRetries: 7, delays: [5, 300, 1_800, 7_200, 18_000, 18_000, 18_000] },
  ])("maxRetries $maxRetries gives a schedule of so many retries", async ({ maxRetries, delays }) => {
    const { body } = await create({ name: "hook", url: "https://example.com/", maxRetries });
    expect(body.data.endpoint.maxRetries).toBe(maxRetries);
    const { body: webhook } = await us.ask("GET", `/v1/webhooks/${body.data.endpoint.id}`);
    const policy = typeof delays === "string" ? delays : { delays_seconds: delays, jitter: 0.2, final_statuses: [] };
    expect(webhook).toMatchObject({ retry_policy: policy, signature_formats: ["b3os"] });
  });

  test.each([
    { name: "no name", json: { url: "https://example.com/" }, field: "name" },
    { name: "no URL", json: { name: "hook" }, field: "url" },
    { name: "a URL of another scheme", json: { name: "hook", url: "ftp://example.com/" }, field: "url" },
    { name: "a private address", json: { name: "hook", url: "http://10.0.0.1/" }, field: "url" },
    { name: "eleven retries", json: { name: "h", url: "https://example.com/", maxRetries: 11 }, field: "maxRetries" },
    {
      name: "a text of retries",
      json: { name: "h", url: "https://example.com/", maxRetries: "5" },
      field: "maxRetries",
    },
    {
      name: "an impossible type",
      json: { name: "h", url: "https://example.com/", subscribedEventTypes: ["run.*", "a b"] },
      field: "subscribedEventTypes.1",
    },
  ])("400 for $name, naming the field", async ({ json, field }) => {
    const { status, body } = await create(json);
    expect({ status, body }).toEqual({
      status: 400,
      body: {
        code: 400,
        message: expect.stringContaining(`${field} `),
        requestId: expect.stringMatching(/^req_/),
        details: [{ field, message: expect.any(String) }],
      },
    });
    expect((await us.ask("GET", ENDPOINTS)).body.data.items).toEqual([]);
  });
});

describe("GET execution-webhooks", () => {
  test("200: newest first, a page at a time, without archived ones", async () => {
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) ids.unshift((await makeEndpoint(us, receiver.url)).id);
    await us.ask("DELETE", `/v1/webhooks/${ids.shift()}`);
    const first = await us.ask("GET", ENDPOINTS, { query: { limit: 2 } });
    expect(first.body.data).toMatchObject({ limit: 2, offset: 0, hasMore: true });
    const second = await us.ask("GET", ENDPOINTS, { query: { limit: 2, offset: 2 } });
    expect(second.body.data).toMatchObject({ limit: 2, offset: 2, hasMore: false });
    const listed = [...first.body.data.items, ...second.body.data.items].map(({ id }) => id);
    expect(listed).toEqual(ids);
  });

  test("200: a webhook that was not made through this contract has neither a name nor a maker", async () => {
    await us.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/" } });
    const { body } = await us.ask("GET", ENDPOINTS);
    expect(body.data.items).toHaveLength(1);
    expect(Object.keys(body.data.items[0]).toSorted()).toEqual(
      MEMBERS.filter((member) => member !== "name" && member !== "createdBy"),
    );
    expect(body.data.items[0]).toMatchObject({ maxRetries: 9, status: "active" });
  });

  test("400 for a limit beyond 100", async () => {
    const { status, body } = await us.ask("GET", ENDPOINTS, { query: { limit: 101 } });
    expect({ status, field: body.details[0].field }).toEqual({ status: 400, field: "limit" });
  });
});

describe("disable and enable", () => {
  test("200: a disabled endpoint says since when; what is published meanwhile is sent once it is enabled", async () => {
    const { id } = await makeEndpoint(us, receiver.url);
    const disabled = await us.ask("POST", `${ENDPOINTS}/${id}/disable`);
    expect(disabled.body.data).toMatchObject({ id, status: "disabled", disabledAt: expect.stringMatching(TIME) });
    const deliveryId = await publish(us, id);
    await api.worker.relay();
    expect(receiver.requests).toHaveLength(0);
    const enabled = await us.ask("POST", `${ENDPOINTS}/${id}/enable`);
    expect(enabled.body.data).toMatchObject({ id, status: "active" });
    expect(enabled.body.data).not.toHaveProperty("disabledAt");
    await api.worker.relay();
    await waitForStatus(us, deliveryId, "success");
    expect(receiver.requests).toHaveLength(1);
  });

  test("200 twice, with bodies of any kind", async () => {
    const { id } = await makeEndpoint(us, receiver.url);
    for (const action of ["enable", "disable", "disable", "enable"]) {
      const { status, body } = await us.ask("POST", `${ENDPOINTS}/${id}/${action}`, { text: "{" });
      expect({ status, now: body.data.status }).toEqual({
        status: 200,
        now: action === "enable" ? "active" : "disabled",
      });
    }
  });
});

describe("regenerate-secret", () => {
  test("200: the new secret, as text, signs x-b3os-signature at once; the old one goes on in webhook-signature", async () => {
    const { id, signingSecret: old } = await makeEndpoint(us, receiver.url);
    const { body } = await us.ask("POST", `${ENDPOINTS}/${id}/regenerate-secret`);
    const { endpoint, signingSecret } = body.data;
    expect(endpoint).toMatchObject({ id, status: "active" });
    expect(signingSecret).not.toBe(old);
    await publish(us, id);
    const request = await waitFor(() => receiver.requests[0], { what: "a request" });
    const hmac = (secret: string) => createHmac("sha256", secret).update(request.body).digest("hex");
    expect(request.headers["x-b3os-signature"]).toBe(hmac(signingSecret));
    const standard = signStandard({
      id: String(request.headers["webhook-id"]),
      timestampSeconds: Number(request.headers["webhook-timestamp"]),
      body: request.body.toString(),
      secrets: [signingSecret, old],
    });
    expect(request.headers).toMatchObject(standard);
  });

  test("400 when ten secrets are valid already", async () => {
    const { id } = await makeEndpoint(us, receiver.url);
    for (let count = 1; count < 10; count++) await us.ask("POST", `${ENDPOINTS}/${id}/regenerate-secret`);
    const { status, body } = await us.ask("POST", `${ENDPOINTS}/${id}/regenerate-secret`);
    expect({ status, message: body.message }).toEqual({ status: 400, message: expect.stringMatching(/secrets/) });
  });
});

describe("404", () => {
  const actions = [
    { method: "GET", suffix: "" },
    { method: "POST", suffix: "/enable" },
    { method: "POST", suffix: "/disable" },
    { method: "POST", suffix: "/regenerate-secret" },
  ] as const;

  test.each(actions)(
    "$method $suffix of a malformed, an unknown and an archived endpoint",
    async ({ method, suffix }) => {
      const { id } = await makeEndpoint(us, receiver.url);
      await us.ask("DELETE", `/v1/webhooks/${id}`);
      for (const name of ["not-a-uuid", UNKNOWN_ID, id]) {
        const { status, body } = await us.ask(method, `${ENDPOINTS}/${name}${suffix}`);
        expect({ status, code: body.code, details: body.details }).toEqual({ status: 404, code: 404, details: [] });
      }
    },
  );
});

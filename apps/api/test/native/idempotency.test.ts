import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { makeWebhook, UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const EVENT = { type: "invoice.paid", payload: { a: 1 } };

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

function publishAs(key: string, json: object, path = "/v1/events", organization = us) {
  return organization.ask("POST", path, { json, headers: { "Idempotency-Key": key } });
}

function countEvents(): Promise<number> {
  return api.db.event.count({ where: { organizationId: us.organizationId } });
}

test("the same key and body answers as the first time, as a duplicate, and publishes nothing", async () => {
  await makeWebhook(us);
  const first = await publishAs("k", EVENT);
  await makeWebhook(us);
  const second = await publishAs("k", EVENT);
  expect(first.body.duplicate).toBe(false);
  expect(second.status).toBe(202);
  expect(second.body).toEqual({ ...first.body, duplicate: true });
  expect(await countEvents()).toBe(1);
});

test("the same key with another body is 422 idempotency_conflict and publishes nothing", async () => {
  await publishAs("k", EVENT);
  const { status, body } = await publishAs("k", { ...EVENT, payload: { a: 2 } });
  expect({ status, code: body.code }).toEqual({ status: 422, code: "idempotency_conflict" });
  expect(await countEvents()).toBe(1);
});

test("without a key, or with another, the same body is another event", async () => {
  await publishAs("k", EVENT);
  await publishAs("l", EVENT);
  await us.ask("POST", "/v1/events", { json: EVENT });
  await us.ask("POST", "/v1/events", { json: EVENT });
  expect(await countEvents()).toBe(4);
});

test("of 20 requests with one key at once one publishes and the others answer the same event", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => publishAs("k", EVENT)));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.filter(({ body }) => body.duplicate === false)).toHaveLength(1);
  expect(await countEvents()).toBe(1);
});

test("a key belongs to its organization", async () => {
  const them = await api.createOrganization();
  const ours = await publishAs("k", EVENT);
  const theirs = await publishAs("k", EVENT, "/v1/events", them);
  expect(theirs.body.duplicate).toBe(false);
  expect(theirs.body.id).not.toBe(ours.body.id);
});

test("a refused request leaves its key free", async () => {
  const refused = await publishAs("k", { ...EVENT, webhook_ids: [UNKNOWN_ID] });
  expect(refused.status).toBe(422);
  expect((await publishAs("k", EVENT)).body.duplicate).toBe(false);
});

test("a batch's key covers the batch: the same answers in the same order", async () => {
  const batch = { events: [EVENT, { ...EVENT, type: "b" }, { ...EVENT, type: "c" }] };
  const first = await publishAs("k", batch, "/v1/events/batch");
  const second = await publishAs("k", batch, "/v1/events/batch");
  expect(first.body.data).toHaveLength(3);
  expect(second.body.data).toEqual(first.body.data.map((event: object) => ({ ...event, duplicate: true })));
  const other = { events: [EVENT] };
  expect((await publishAs("k", other, "/v1/events/batch")).body.code).toBe("idempotency_conflict");
  expect(await countEvents()).toBe(3);
});

test("a key of one event is used for a batch, too", async () => {
  await publishAs("k", EVENT);
  expect((await publishAs("k", { events: [EVENT] }, "/v1/events/batch")).body.code).toBe("idempotency_conflict");
});

test.each(["a b", "é", "x".repeat(201)])("the key %j is 422 on the header", async (key) => {
  // Header bytes are Latin-1 for Node.
  const { status, body } = await publishAs(key, EVENT);
  expect(status).toBe(422);
  expect(body.errors).toEqual([{ in: "header", pointer: "/idempotency-key", detail: expect.any(String) }]);
});

test("a key of 200 visible characters is taken", async () => {
  expect((await publishAs("~".repeat(200), EVENT)).status).toBe(202);
});

import { AUDIT_ACTIONS } from "@homing/core/audit-log/actions";
import { hashApiKey } from "@homing/signature/api-key";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { startContractApi } from "../contracts/contract-api.js";
import { deliveryIdsOf, makeWebhook, publish } from "../native/fixtures.js";
import { snapshot } from "../native/snapshot.js";
import { CASES, heldDelivery, type Stage } from "./cases.js";

const PLANTED = "planted-0123456789abcdef";

let receiver: TestReceiver;
let stage: Stage;

beforeAll(async () => {
  receiver = await startReceiver();
  const api = await startContractApi();
  stage = { api, us: await api.createOrganization(), receiverUrl: receiver.url };
});
afterAll(async () => {
  await stage.api.stop();
  await receiver.close();
});
beforeEach(() => receiver.answerWith(() => ({ status: 200 })));

async function entries(
  query: Record<string, string | number> = {},
  key = stage.us.key,
): Promise<Record<string, unknown>[]> {
  const headers = { Authorization: `Bearer ${key}` };
  const { status, body } = await stage.api.ask("GET", "/v1/audit_log", { query, headers });
  expect(status).toBe(200);
  return body.data;
}

async function keyId(): Promise<string | undefined> {
  return (await stage.api.db.apiKey.findUnique({ where: { keyHash: hashApiKey(stage.us.key) } }))?.id;
}

/** What was published before has been delivered, so that nothing is written but by requests. */
async function nothingUnderWay(): Promise<void> {
  const where = { state: { in: ["pending" as const, "in_flight" as const] } };
  await waitFor(async () => (await stage.api.db.delivery.count({ where })) === 0, { what: "deliveries to end" });
}

describe.each(AUDIT_ACTIONS)("%s", (action) => {
  test("is written down: who, what, from where, before and after", async () => {
    const made = await CASES[action](stage);
    const answer = await made.act();
    expect(answer?.status ?? 200).toBeLessThan(300);
    expect(await entries({ action, target_id: made.targetId }, made.readerKey)).toEqual([
      {
        id: expect.any(String),
        action,
        actor: made.actor ?? { type: "api_key", id: await keyId() },
        target: { type: action.split(".")[0], id: made.targetId },
        address: "127.0.0.1",
        request_id: answer?.headers["x-request-id"],
        before: made.before,
        after: action === "webhook.created" ? expect.objectContaining(made.after) : made.after,
        created_at: expect.any(String),
      },
    ]);
  });

  test("is not done when it cannot be written down", async () => {
    const made = await CASES[action](stage);
    await nothingUnderWay();
    const before = await snapshot(stage.api.db);
    await stage.api.db.$executeRawUnsafe(
      `ALTER TABLE audit_log ADD CONSTRAINT refused CHECK (action <> '${action}') NOT VALID`,
    );
    try {
      const status = await Promise.resolve(made.act()).then(
        (answer) => answer?.status,
        () => 500,
      );
      expect(status).toBe(500);
    } finally {
      await stage.api.db.$executeRaw`ALTER TABLE audit_log DROP CONSTRAINT refused`;
    }
    expect(await snapshot(stage.api.db)).toEqual(before);
  });
});

test("a change that fails leaves no entry", async () => {
  const { id } = await makeWebhook(stage.us, { url: receiver.url });
  await stage.api.db.$executeRaw`ALTER TABLE webhooks ADD CONSTRAINT refused CHECK (description <> 'x') NOT VALID`;
  const before = await entries({ target_id: id });
  expect((await stage.us.ask("PATCH", `/v1/webhooks/${id}`, { json: { description: "x" } })).status).toBe(500);
  await stage.api.db.$executeRaw`ALTER TABLE webhooks DROP CONSTRAINT refused`;
  expect(await entries({ target_id: id })).toEqual(before);
});

test("what is refused or changes nothing leaves no entry", async () => {
  const { us } = stage;
  const { id } = await makeWebhook(us, { url: receiver.url, description: "same" });
  const held = await heldDelivery(stage);
  const { id: gone } = await makeWebhook(us, { url: receiver.url });
  await us.ask("DELETE", `/v1/webhooks/${gone}`);
  const [finished = ""] = await deliveryIdsOf(us, await publish(us, { webhook_ids: [id] }));
  await waitFor(async () => (await us.ask("GET", `/v1/deliveries/${finished}`)).body.state === "succeeded", {
    what: "the delivery",
  });
  const count = await stage.api.db.auditEntry.count();
  await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { description: "same" } });
  await us.ask("PATCH", `/v1/webhooks/${id}`, { json: { url: "http://10.0.0.1/" } });
  await us.ask("POST", `/v1/webhooks/${id}/enable`);
  await us.ask("DELETE", `/v1/webhooks/${gone}`);
  for (const action of ["enable", "disable", "rotate_secret", "test"]) {
    await us.ask("POST", `/v1/webhooks/${gone}/${action}`);
  }
  await us.ask("POST", `/v1/deliveries/${finished}/cancel`);
  await us.ask("POST", `/v1/deliveries/${held}/retry`);
  await us.ask("GET", `/v1/webhooks/${id}`);
  await publish(us);
  expect(await stage.api.db.auditEntry.count()).toBe(count);
});

test("no entry holds a secret, a header's value or a URL's credentials", async () => {
  const { us, api } = stage;
  const url = `${receiver.url}?token=${PLANTED}-query`;
  const { body: made } = await us.ask("POST", "/v1/webhooks", {
    json: { url, headers: { "X-Token": `${PLANTED}-a` } },
  });
  const json = { url: `${url}2`, headers: { "X-Token": `${PLANTED}-b` } };
  await us.ask("PATCH", `/v1/webhooks/${made.id}`, { json });
  const { body: rotated } = await us.ask("POST", `/v1/webhooks/${made.id}/rotate_secret`);
  await us.ask("GET", `/v1/webhooks/${made.id}/secret`);
  const theirs = { url: receiver.url, search_id: 1, secret: PLANTED };
  const { body: webhook } = await us.ask("POST", "/v0/webhooks", { json: theirs });
  await us.ask("PATCH", `/v0/webhooks/${webhook.id}`, { json: { secret: `${PLANTED}-c` } });
  await us.ask("POST", "/v0/webhooks/test", { json: { webhook_id: webhook.id, secret: `${PLANTED}-d` } });
  expect(await entries({ target_id: made.id })).toHaveLength(4);
  const [{ text }] = await api.db.$queryRaw<
    [{ text: string }]
  >`SELECT string_agg(a::text, '') AS text FROM audit_log a`;
  for (const secret of [PLANTED, made.secret, rotated.secret, us.key]) expect(text).not.toContain(secret);
  expect(text).toContain("X-Token");
});

test("a webhook that a 410 disables is Homing's own doing", async () => {
  receiver.answerWith(() => ({ status: 410 }));
  const { id } = await makeWebhook(stage.us, { url: receiver.url });
  await publish(stage.us, { webhook_ids: [id] });
  const [entry] = await waitFor(
    async () => {
      const found = await entries({ action: "webhook.disabled", target_id: id });
      return found.length === 0 ? null : found;
    },
    { what: "the webhook to be disabled" },
  );
  expect(entry).toMatchObject({
    actor: { type: "system", id: null },
    address: null,
    request_id: null,
    before: { state: "enabled" },
    after: { state: "disabled", disabled_reason: "the receiver answered 410 Gone" },
  });
});

test("it is read newest first, by key, by time, and page by page", async () => {
  const us = await stage.api.createOrganization();
  const other = await stage.api.createKey(us);
  const made = [await makeWebhook(us, { url: receiver.url }), await makeWebhook(other, { url: receiver.url })];
  const read = async (query: object) =>
    (await us.ask("GET", "/v1/audit_log", { query: { action: "webhook.created", ...query } })).body;
  const { data } = await read({});
  expect(data.map(({ target }: { target: { id: string } }) => target.id)).toEqual(
    made.map(({ id }) => id).toReversed(),
  );
  const [newest, oldest] = data;
  expect((await read({ api_key_id: oldest.actor.id })).data).toEqual([oldest]);
  expect((await read({ api_key_id: newest.actor.id })).data).toEqual([newest]);
  const first = await read({ limit: 1 });
  expect(first.data).toEqual([newest]);
  expect(await read({ limit: 1, cursor: first.next_cursor })).toEqual({ data: [oldest], next_cursor: null });
  expect((await read({ since: "2026-01-01T00:00:00Z" })).data).toEqual(data);
  expect((await read({ until: "2026-01-01T00:00:00Z" })).data).toEqual([]);
});

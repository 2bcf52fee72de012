import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { cancelDelivery } from "@homing/core/deliveries/cancel";
import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";
import { get, makeDelivery, makeSent, retry, ROOT, waitForAttempts } from "./kallima-fixtures.js";

const KIB = 1024;
const ROUNDS = 10;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$/;

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await startContractApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
  receiver = await startReceiver();
});
afterEach(async () => {
  api.worker.resume();
  await receiver.close();
});

function fail(status = 500, body = "no"): void {
  receiver.answerWith(() => ({ status, body }));
}

/** Until a retry has looked, since then, whether its attempt was made. */
async function waitForLook(since: Date): Promise<void> {
  const looks = async () =>
    api.db.$queryRaw<unknown[]>`
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%is_over%' AND query_start > ${since}`;
  await waitFor(async () => (await looks()).length > 0, { what: "a look" });
}

function refused(status: number, code: string): object {
  return { status, body: { status, code } };
}

describe("200", () => {
  test("the first attempt of a replay, which nobody has retried, is waited for like that of a publish", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    api.worker.pause();
    const replay = await us.ask("POST", `/v1/execution-webhooks/deliveries/${deliveryId}/replay`);
    const retrying = retry(us, replay.body.data.id);
    await waitForLook(new Date(0));
    api.worker.resume();
    const { status, body } = await retrying;
    expect({ status, body }).toMatchObject({ status: 200, body: { attempts: 1, response_status: 200 } });
  });

  test("a failed delivery is sent again on the same record, and the answer holds its outcome", async () => {
    fail();
    const { deliveryId, eventId, webhookId } = await makeSent(us, receiver);
    const { body: before } = await get(us, deliveryId);
    expect(before).toMatchObject({ response_status: 500, response_body: "no", attempts: 1, delivered_at: null });
    receiver.answerWith(() => ({ status: 201, body: "thanks" }));
    const { status, body } = await retry(us, deliveryId);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        id: deliveryId,
        object: "webhook_delivery",
        webhook_id: webhookId,
        event_id: eventId,
        event_type: "humanization.completed",
        created_at: before.created_at,
        request_body: { id: "dddd1111-...", object: "humanization" },
        response_status: 201,
        response_body: "thanks",
        attempts: 2,
        delivered_at: expect.stringMatching(TIME),
      },
    });
    expect(before.created_at).toMatch(TIME);
    expect((await get(us, deliveryId)).body).toEqual(body);
  });

  test("a receiver that fails again is an answer too: the record says so", async () => {
    fail(503, "down");
    const { deliveryId } = await makeSent(us, receiver);
    expect(await retry(us, deliveryId)).toMatchObject({
      status: 200,
      body: { response_status: 503, response_body: "down", attempts: 2, delivered_at: null },
    });
  });

  test("a receiver from which nothing comes back leaves the response empty", async () => {
    receiver.answerWith(() => ({ destroy: true }));
    const { deliveryId } = await makeSent(us, receiver);
    expect(await retry(us, deliveryId)).toMatchObject({
      status: 200,
      body: { response_status: null, response_body: null, attempts: 2, delivered_at: null },
    });
  });

  test("a receiver that answers without a body leaves an empty text", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    expect((await retry(us, deliveryId)).body).toMatchObject({ response_status: 200, response_body: "" });
  });

  test("a delivery that succeeded is sent again", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    expect((await retry(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 2 });
    expect(receiver.requests).toHaveLength(2);
  });

  test("a failed retry of a delivery that succeeded keeps when it was delivered", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    fail();
    const { body } = await retry(us, deliveryId);
    expect(body).toMatchObject({ response_status: 500, attempts: 2, delivered_at: expect.stringMatching(TIME) });
  });

  test("a scheduled retry is sent now", async () => {
    fail();
    const { deliveryId } = await makeSent(us, receiver, { retry_policy: { delays_seconds: [3600] } });
    receiver.answerWith(() => ({}));
    expect((await retry(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 2 });
  });

  test("a delivery of which the attempts are exhausted is sent once", async () => {
    fail();
    const { deliveryId } = await makeSent(us, receiver);
    expect((await retry(us, deliveryId)).body).toMatchObject({ response_status: 500, attempts: 2 });
    expect(await api.db.delivery.findUniqueOrThrow({ where: { id: deliveryId } })).toMatchObject({
      state: "failed",
      nextAttemptAt: null,
    });
    expect(receiver.requests).toHaveLength(2);
  });

  test("a delivery that waits for its first attempt is answered after it, and is not sent twice", async () => {
    api.worker.pause();
    const { deliveryId } = await makeDelivery(us, receiver);
    expect((await get(us, deliveryId)).body).toMatchObject({ response_status: null, attempts: 0 });
    const [{ now }] = await api.db.$queryRaw<[{ now: Date }]>`SELECT clock_timestamp() AS now`;
    const retrying = retry(us, deliveryId).then((answer) => answer);
    await waitForLook(now);
    api.worker.resume();
    expect(await retrying).toMatchObject({ status: 200, body: { response_status: 200, attempts: 1 } });
    expect(receiver.requests).toHaveLength(1);
  });

  test("a delivery that was cancelled is sent", async () => {
    api.worker.pause();
    const { deliveryId } = await makeDelivery(us, receiver);
    await cancelDelivery(api.context, { organizationId: us.organizationId, deliveryId });
    api.worker.resume();
    expect((await retry(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 1 });
  });

  test("a delivery that was skipped is sent once there is quota", async () => {
    const { organizationId } = us;
    await setDeliveryQuota(api.context, { organizationId, deliveriesPerMonth: 0 });
    const { deliveryId } = await makeDelivery(us, receiver);
    await setDeliveryQuota(api.context, { organizationId, deliveriesPerMonth: 1 });
    expect(await retry(us, deliveryId)).toMatchObject({ status: 200, body: { response_status: 200, attempts: 1 } });
  });

  test("without a worker the record is answered as it stands, after the webhook's deadline and two seconds", async () => {
    fail();
    const { deliveryId } = await makeSent(us, receiver, { timeout_ms: 1_000 });
    api.worker.pause();
    const begunMs = performance.now();
    expect(await retry(us, deliveryId)).toMatchObject({
      status: 200,
      body: { response_status: null, response_body: null, attempts: 1 },
    });
    expect(performance.now() - begunMs).toBeGreaterThan(3_000);
  });

  test.each([
    { what: "no body and no Content-Type", asked: {} },
    { what: "an empty body with application/json", asked: { headers: { "Content-Type": "application/json" } } },
    { what: "a body without Content-Type", asked: { text: '{"a":1}', contentType: null } },
    { what: "a body of another Content-Type", asked: { text: "a=1", contentType: "text/plain" } },
    { what: "malformed JSON", asked: { text: '{"a":' } },
    { what: "bytes that are JSON", asked: { json: { delivery_id: UNKNOWN_ID } } },
  ])("$what is as good as nothing", async ({ asked }) => {
    const { deliveryId } = await makeSent(us, receiver);
    expect(await retry(us, deliveryId, asked)).toMatchObject({ status: 200, body: { id: deliveryId, attempts: 2 } });
  });

  test("it goes to the URL that the webhook has now, signed with the secret that it has now", async () => {
    const { webhookId, deliveryId } = await makeSent(us, receiver);
    const other = await startReceiver(() => ({ body: "the other" }));
    try {
      await us.ask("PATCH", `/v1/webhooks/${webhookId}`, { json: { url: other.url } });
      const { body: rotated } = await us.ask("POST", `/v1/webhooks/${webhookId}/rotate_secret`);
      expect((await retry(us, deliveryId)).body).toMatchObject({ response_body: "the other", attempts: 2 });
      const [received] = other.requests;
      const [, t = "", v1 = ""] =
        /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(received?.headers["kallima-signature"])) ?? [];
      const hmac = createHmac("sha256", String(rotated.secret))
        .update(`${t}.`)
        .update(received?.body ?? "");
      expect(v1).toBe(hmac.digest("hex"));
      expect(received?.headers["webhook-signature"]).toMatch(/^v1,/);
    } finally {
      await other.close();
    }
  });

  test("of a long response the first 4096 bytes are kept, and no character is split", async () => {
    const text = `a${"é".repeat(4 * KIB)}`;
    receiver.answerWith(() => ({ body: text }));
    const { deliveryId } = await makeSent(us, receiver);
    const { body } = await retry(us, deliveryId);
    expect(body.response_body).toBe(text.slice(0, 1 + 2047));
    expect(Buffer.byteLength(body.response_body)).toBe(4095);
  });

  test("numbers that no double can hold come back as they were published", async () => {
    const payload = '{"amount":12345678901234567890.10}';
    const { deliveryId } = await makeSent(us, receiver);
    await api.db.$executeRaw`
      UPDATE events SET payload = ${payload}
      WHERE id = (SELECT event_id FROM deliveries WHERE id = ${deliveryId}::uuid)`;
    expect((await retry(us, deliveryId)).text).toContain(`"request_body":${payload}`);
  });

  test("an attempt whose client has gone is recorded all the same", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    const release = holdAnswers(receiver);
    const leaving = httpRequest(`${api.url}${ROOT}/${deliveryId}/retry`, {
      method: "POST",
      headers: { Authorization: `Bearer ${us.key}` },
    });
    leaving.on("error", () => undefined);
    leaving.end();
    await receiver.waitForRequests(2);
    leaving.destroy();
    release();
    await waitForAttempts(us, deliveryId, 2);
    expect((await get(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 2 });
  });
});

describe("402", () => {
  test("an organization out of quota gets insufficient_credits, and nothing is sent", async () => {
    const { organizationId } = us;
    const { deliveryId } = await makeSent(us, receiver);
    await setDeliveryQuota(api.context, { organizationId, deliveriesPerMonth: 0 });
    const { deliveryId: skippedId } = await makeDelivery(us, receiver);
    for (const id of [deliveryId, skippedId]) {
      expect(await retry(us, id)).toMatchObject(refused(402, "insufficient_credits"));
    }
    expect(receiver.requests).toHaveLength(1);
  });
});

describe("404", () => {
  test.each([UNKNOWN_ID, "ffff0001-eeee-0002-dddd-000300040005", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"])(
    "an id that nobody has is not found, of whatever UUID version: %s",
    async (id) => {
      expect(await retry(us, id)).toMatchObject(refused(404, "not_found"));
    },
  );
});

describe("409", () => {
  test("a delivery in flight is not sent a second time", async () => {
    const release = holdAnswers(receiver);
    const { deliveryId } = await makeDelivery(us, receiver);
    await receiver.waitForRequests(1);
    expect(await retry(us, deliveryId)).toMatchObject(refused(409, "delivery_in_flight"));
    release();
    await waitForAttempts(us, deliveryId, 1);
    expect((await get(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 1 });
    expect(receiver.requests).toHaveLength(1);
  });

  test("what came back before is shown while a retry is in flight", async () => {
    fail(500, "before");
    const { deliveryId } = await makeSent(us, receiver);
    const release = holdAnswers(receiver);
    const retrying = retry(us, deliveryId).then(({ body }) => body);
    await receiver.waitForRequests(2);
    expect((await get(us, deliveryId)).body).toMatchObject({ response_status: 500, response_body: "before" });
    release();
    expect(await retrying).toMatchObject({ response_status: 200, attempts: 2 });
  });

  test("of two retries at once one is answered with the attempt and one is refused", async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      fail();
      const { deliveryId } = await makeSent(us, receiver);
      const sentBefore = receiver.requests.length;
      const answers = await Promise.all([retry(us, deliveryId), retry(us, deliveryId)]);
      const [answered, other] = answers.toSorted((a, b) => a.status - b.status);
      expect(answered).toMatchObject({ status: 200, body: { response_status: 500, attempts: 2 } });
      expect(other).toMatchObject(refused(409, "delivery_in_flight"));
      expect(receiver.requests).toHaveLength(sentBefore + 1);
    }
  });

  test("a retry after another's answer is one of its own", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    for (let round = 1; round <= ROUNDS; round++) {
      expect(await retry(us, deliveryId)).toMatchObject({ status: 200, body: { attempts: round + 1 } });
    }
  });

  test("a delivery of a disabled webhook is refused, and its record stays as it is", async () => {
    const { webhookId, deliveryId } = await makeSent(us, receiver);
    const { body: before } = await get(us, deliveryId);
    await us.ask("POST", `/v1/webhooks/${webhookId}/disable`);
    expect(await retry(us, deliveryId)).toMatchObject(refused(409, "webhook_disabled"));
    expect((await get(us, deliveryId)).body).toEqual(before);
  });

  test("a delivery that is held shows no response", async () => {
    const { webhookId } = await makeSent(us, receiver);
    await us.ask("POST", `/v1/webhooks/${webhookId}/disable`);
    await us.ask("POST", "/v1/events", { json: { type: "a", payload: {}, webhook_ids: [webhookId] } });
    const { body } = await us.ask("GET", ROOT);
    expect(body[0]).toMatchObject({ event_type: "a", response_status: null, response_body: null, attempts: 0 });
    expect(await retry(us, body[0].id)).toMatchObject(refused(409, "webhook_disabled"));
  });

  test("a delivery of a deleted webhook is refused; its history stays", async () => {
    const { webhookId, deliveryId } = await makeSent(us, receiver);
    await us.ask("DELETE", `/v1/webhooks/${webhookId}`);
    expect(await retry(us, deliveryId)).toMatchObject(refused(409, "webhook_deleted"));
    expect((await get(us, deliveryId)).body).toMatchObject({ response_status: 200, attempts: 1 });
  });
});

describe("413", () => {
  test("a body of more than 256 KiB is refused, though it would be ignored", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    const text = "x".repeat(257 * KIB);
    expect(await retry(us, deliveryId, { text })).toMatchObject(refused(413, "payload_too_large"));
    expect(receiver.requests).toHaveLength(1);
  });
});

describe("422", () => {
  test.each(["1", "evt_01JBAAAA000000000000000000", `${UNKNOWN_ID}0`, "ffff0001eeee0002dddd000300040005", "{x}"])(
    "an id that is not 8-4-4-4-12 hexadecimal digits is refused: %s",
    async (id) => {
      const { status, body } = await retry(us, encodeURIComponent(id));
      expect({ status, body }).toMatchObject(refused(422, "validation_error"));
      expect(body.errors).toMatchObject([{ in: "path", pointer: "/delivery_id" }]);
    },
  );
});

import { createPublicKey, verify } from "node:crypto";
import { createDatabase } from "@homing/db/client";
import { toPublicJwk, V1A_FORMAT } from "@homing/signature/ed25519";
import { verifyStandard } from "@homing/signature/standard-webhooks";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { type Attempts, createAttempts } from "../src/deliveries/attempt.js";
import { listAttemptLog } from "../src/deliveries/attempt-log.js";
import { listAttempts } from "../src/deliveries/read.js";
import { findRecord } from "../src/deliveries/records.js";
import { relayDeliveries } from "../src/deliveries/relay.js";
import { formatEventId } from "../src/events/event-id.js";
import type { SendRequest } from "../src/context.js";
import type { SendResult } from "../src/outcome.js";
import type { WebhookSettings } from "../src/webhooks/webhook.js";
import { listPublicKeys } from "../src/webhooks/public-keys.js";
import { revealSecret, rotateSecret } from "../src/webhooks/secrets.js";
import { updateWebhook } from "../src/webhooks/update.js";
import {
  ABORTED,
  attemptsOf,
  claimOne,
  hintOf,
  newDelivery,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  responded,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

let world: World;
let attempts: Attempts;

beforeAll(async () => {
  world = await openWorld();
  attempts = createAttempts(world.context, { slots: 100, signal: new AbortController().signal });
});

afterAll(() => world.close());

beforeEach(() => {
  world.sent.length = 0;
  world.answerWith(() => responded(200));
});

async function dueDelivery(settings = {}) {
  const delivery = await newDelivery(world, settings);
  await shiftTime(world, delivery.deliveryId, 10);
  return delivery;
}

test("an attempt sends the stored bytes with the event's id, and every valid secret's signature", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await dueDelivery({ timeoutMs: 4_000 });
  const name = { organizationId, webhookId: webhook.id };
  const secrets = [await revealSecret(world.context, name), (await rotateSecret(world.context, name)).secret];
  expect(await attempts.attempt(hintOf(world, deliveryId))).toMatchObject({
    outcome: "attempted",
    record: { outcome: "settled" },
  });
  const { url, headers, body, timeoutMs } = only(world.sent);
  expect({ url, body, timeoutMs }).toEqual({ url: webhook.url, body: '{"n":1}', timeoutMs: 4_000 });
  expect(headers).toMatchObject({
    "content-type": "application/json",
    "webhook-id": formatEventId(eventId),
    "homing-delivery-id": deliveryId,
    "homing-event-type": "invoice.paid",
  });
  for (const secret of secrets) {
    const verdict = verifyStandard({ headers, body, secrets: [secret], nowSeconds: Math.floor(Date.now() / 1000) });
    expect(verdict).toEqual({ ok: true });
  }
});

test("the webhook's own headers are sent, recorded without their values, and cannot replace Homing's", async () => {
  const headers = { authorization: "Bearer s3cr3t", "webhook-id": "forged" };
  const { organizationId, eventId, deliveryId } = await dueDelivery({ headers });
  await attempts.attempt(hintOf(world, deliveryId));
  expect(only(world.sent).headers).toMatchObject({
    authorization: "Bearer s3cr3t",
    "webhook-id": formatEventId(eventId),
  });
  const attempt = only(await listedAttempts(organizationId, deliveryId));
  expect(attempt.requestHeaders).toMatchObject({ authorization: "[redacted]", "webhook-id": formatEventId(eventId) });
  expect(JSON.stringify(attempt)).not.toContain("s3cr3t");
});

async function listedAttempts(organizationId: string, deliveryId: string) {
  const page = await listAttempts(world.context, { organizationId, deliveryId, limit: 10, after: null });
  return page?.items ?? [];
}

test("an attempt keeps the headers that its row and its delivery do not tell, and whoever reads it gets all that were sent", async () => {
  const { organizationId, webhook, eventId, deliveryId } = await dueDelivery();
  await attempts.attempt(hintOf(world, deliveryId));
  const { headers } = only(world.sent);
  expect(only(await attemptsOf(world, deliveryId))).toMatchObject({
    requestHeaders: null,
    signature: expect.any(Uint8Array),
  });
  expect(only(await listedAttempts(organizationId, deliveryId)).requestHeaders).toEqual(headers);
  expect((await findRecord(world.context, { organizationId, deliveryId }))?.lastAttempt?.requestHeaders).toEqual(
    headers,
  );
  for (const whose of [{ eventId }, { webhookId: webhook.id }]) {
    const [entry] = await listAttemptLog(world.context, { organizationId, of: whose, limit: 10 });
    expect(entry?.requestHeaders).toEqual(headers);
  }
  await world.db.event.delete({ where: { id: eventId } });
  const { "homing-event-type": _, ...known } = headers;
  expect(only(await listedAttempts(organizationId, deliveryId)).requestHeaders).toEqual(known);
});

test("an attempt of an earlier version reads as it was written", async () => {
  const { organizationId, eventId, deliveryId } = await dueDelivery();
  await attempts.attempt(hintOf(world, deliveryId));
  const requestHeaders = { ...only(world.sent).headers, "user-agent": "Homing/0.0", "webhook-id": "evt_earlier" };
  const responseHeaders = { "x-id": "7" };
  const written = { requestHeaders, responseHeaders, signature: null };
  await world.db.attempt.updateMany({ where: { deliveryId }, data: written });
  expect(only(await listedAttempts(organizationId, deliveryId))).toMatchObject({ requestHeaders, responseHeaders });
  const record = await findRecord(world.context, { organizationId, deliveryId });
  expect(record).toMatchObject({ eventId, lastAttempt: { requestHeaders, responseHeaders } });
  expect(record?.lastAttempt?.responseHeaders).toEqual(responseHeaders);
});

test.each<[string, Partial<WebhookSettings>, string[]]>([
  ["its headers", { headers: { "x-token": "s3cr3t-header" } }, ["s3cr3t-header"]],
  ["a password", { auth: { type: "basic", username: "us", password: "s3cr3t" } }, ["s3cr3t", btoa("us:s3cr3t")]],
  ["a token", { auth: { type: "bearer", token: "s3cr3t-t0ken" } }, ["s3cr3t-t0ken"]],
])("the sender is told that %s may be recorded nowhere", async (_, settings, secrets) => {
  const { deliveryId } = await dueDelivery(settings);
  await attempts.attempt(hintOf(world, deliveryId));
  expect(only(world.sent).secrets).toEqual(secrets);
});

test("legacy signatures are sent beside the standard one where the webhook asks for them", async () => {
  const { deliveryId } = await dueDelivery({ signatureFormats: ["b3os", "kallima"] });
  await attempts.attempt(hintOf(world, deliveryId));
  const names = Object.keys(only(world.sent).headers);
  expect(names).toEqual(expect.arrayContaining(["webhook-signature", "x-b3os-signature", "Kallima-Signature"]));
  expect(names).not.toContain("X-Signature");
});

/** Which of the `v1a` signatures of a request each public key verifies. */
function v1aMatches({ headers, body }: SendRequest, publicKeys: readonly string[]): boolean[][] {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures = "" } = headers;
  const content = Buffer.from(`${id}.${timestamp}.${body}`);
  const made = signatures.split(" ").filter((text) => text.startsWith("v1a,"));
  return publicKeys.map((publicKey) => {
    const { kty, crv, x } = toPublicJwk(publicKey);
    const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
    return made.map((text) => verify(null, content, key, Buffer.from(text.slice(4), "base64")));
  });
}

test("a webhook that asks for v1a gets signatures by all its valid keys beside the v1 ones, and none when it asks no more", async () => {
  const { organizationId, webhook, deliveryId } = await dueDelivery({ signatureFormats: [V1A_FORMAT] });
  const name = { organizationId, webhookId: webhook.id };
  const { publicKey } = await rotateSecret(world.context, name);
  const valid = await listPublicKeys(world.context, webhook.id);
  expect(valid).toEqual([publicKey, webhook.publicKey]);
  await attempts.attempt(hintOf(world, deliveryId));
  const request = only(world.sent);
  expect(v1aMatches(request, valid)).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(request.headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+ v1a,\S+ v1a,\S+$/);
  await updateWebhook(world.context, { ...name, changes: { signatureFormats: [] } });
  const { deliveryIds } = await publishOne(world, organizationId);
  await attempts.attempt(hintOf(world, only(deliveryIds)));
  expect(world.sent[1]?.headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+$/);
});

test("without an overlap the old secret and the old key sign no attempt that is claimed after the rotation", async () => {
  const { organizationId, webhook, deliveryId } = await dueDelivery({ signatureFormats: [V1A_FORMAT] });
  const name = { organizationId, webhookId: webhook.id };
  const leaked = [await revealSecret(world.context, name), (await rotateSecret(world.context, name)).secret];
  const { secret, publicKey } = await rotateSecret(world.context, name, { overlapSeconds: 0 });
  await attempts.attempt(hintOf(world, deliveryId));
  const request = only(world.sent);
  const nowSeconds = Math.floor(Date.now() / 1000);
  expect(verifyStandard({ ...request, secrets: [secret], nowSeconds })).toEqual({ ok: true });
  expect(verifyStandard({ ...request, secrets: leaked, nowSeconds })).toEqual({ ok: false, reason: "no_match" });
  expect(v1aMatches(request, [publicKey ?? "", webhook.publicKey ?? ""])).toEqual([[true], [false]]);
});

test("a delivery that is asked for twice at once is sent once", async () => {
  const { deliveryId } = await dueDelivery();
  const reports = await Promise.all(Array.from({ length: 10 }, () => attempts.attempt(hintOf(world, deliveryId))));
  expect(reports.filter(({ outcome }) => outcome === "attempted")).toHaveLength(1);
  expect(world.sent).toHaveLength(1);
});

test("of deliveries that were under way in two workers that died, one is under way at a time", async () => {
  const suspects = [await dueDelivery(), await dueDelivery(), await dueDelivery()].map(({ deliveryId }) => deliveryId);
  for (const deliveryId of [...suspects, ...suspects]) {
    await claimOne(world, deliveryId);
    await shiftTime(world, deliveryId, 60_000);
  }
  await relayDeliveries(world.context, { limit: 100, lostAgeMs: null });
  const hints = suspects.map((deliveryId) => hintOf(world, deliveryId));
  // A job of one of the workers that died has its hint from before.
  expect(await attempts.attempt({ ...only(hints.slice(0, 1)), isSuspect: false })).toEqual({
    outcome: "nothing_to_do",
  });
  const outcomes: string[] = [];
  while (hints.length > 0) {
    const reports = await Promise.all(hints.map((hint) => attempts.attempt(hint)));
    outcomes.push(...reports.map(({ outcome }) => outcome));
    hints.splice(0, 1);
  }
  expect(outcomes).toEqual(["attempted", "too_early", "too_early", "attempted", "too_early", "attempted"]);
});

test("nothing is sent for an unknown delivery or one that is not due", async () => {
  const { deliveryId } = await dueDelivery();
  await shiftTime(world, deliveryId, -60_000);
  expect(await attempts.attempt(hintOf(world, deliveryId))).toMatchObject({ outcome: "too_early" });
  expect(await attempts.attempt({ deliveryId: uuidv7(), webhookId: uuidv7(), number: 1 })).toEqual({
    outcome: "nothing_to_do",
  });
  expect(world.sent).toEqual([]);
});

test("one delivery that cannot be recorded does not take its neighbours with it", async () => {
  const deliveries = await Promise.all(Array.from({ length: 8 }, () => dueDelivery()));
  const badId = deliveries[3]?.deliveryId ?? "";
  let waiting = 0;
  let open: () => void = () => undefined;
  const together = new Promise<void>((resolve) => (open = resolve));
  world.answerWith(async ({ headers }): Promise<SendResult> => {
    waiting += 1;
    if (waiting === deliveries.length) open();
    await together;
    const isBad = headers["homing-delivery-id"] === badId;
    return { outcome: "responded", status: 200, headers: {}, bodyText: isBad ? "a\u0000b" : "fine", durationMs: 1 };
  });
  const reports = await Promise.allSettled(
    deliveries.map(({ deliveryId }) => attempts.attempt(hintOf(world, deliveryId))),
  );
  expect(reports.map(({ status }) => status)).toEqual(
    deliveries.map(({ deliveryId }) => (deliveryId === badId ? "rejected" : "fulfilled")),
  );
  expect((await rowOf(world, badId)).state).toBe("in_flight");
});

test("a stop reaches the requests that are out, and what they came to is recorded", async () => {
  const stopping = new AbortController();
  const stoppable = createAttempts(world.context, { slots: 100, signal: stopping.signal });
  world.answerWith(
    ({ signal }) => new Promise((resolve) => signal?.addEventListener("abort", () => resolve(ABORTED), { once: true })),
  );
  const { deliveryId } = await dueDelivery();
  const report = stoppable.attempt(hintOf(world, deliveryId));
  await waitFor(() => world.sent.length === 1, { what: "the request to leave" });
  stopping.abort();
  expect(await report).toMatchObject({ result: { outcome: "aborted" }, record: { outcome: "settled" } });
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", attemptsTotal: 1 });
});

test("a record outlives a database that ends its connections", async () => {
  const { deliveryId } = await dueDelivery();
  world.answerWith(async () => {
    // All but this one: as a restart would.
    await world.db.$queryRaw`
      SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await world.db.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`.catch(() => undefined);
    return responded(200);
  });
  expect(await attempts.attempt(hintOf(world, deliveryId))).toMatchObject({ record: { outcome: "settled" } });
  expect((await rowOf(world, deliveryId)).state).toBe("succeeded");
});

test("a claim for which no database answers puts the hint off, and is no failure", async () => {
  const away = createDatabase({ url: "postgres://127.0.0.1:1/none", connectionsMax: 1, applicationName: "test" });
  const cutOff = createAttempts({ ...world.context, db: away }, { slots: 100, signal: new AbortController().signal });
  expect(await cutOff.attempt({ deliveryId: uuidv7(), webhookId: uuidv7(), number: 1 })).toEqual({
    outcome: "too_early",
    byMs: 1_000,
  });
  expect(world.sent).toHaveLength(0);
  await away.$disconnect();
});

test("a delivery that cannot be signed is put off with the reason, takes no number, and its job fails for all to see", async () => {
  const { deliveryId, webhook } = await dueDelivery();
  await world.db.webhookSecret.updateMany({ where: { webhookId: webhook.id }, data: { sealed: "v1.gone.AAAA" } });
  await expect(attempts.attempt(hintOf(world, deliveryId))).rejects.toThrow();
  expect(world.sent).toHaveLength(0);
  expect(await rowOf(world, deliveryId)).toMatchObject({
    state: "pending",
    attemptsInSeries: 0,
    lastError: "it could not be signed",
  });
});

/** An answer that does not come before it is told to. */
function answerLater(): () => void {
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  world.answerWith(async () => {
    await answered;
    return responded(200);
  });
  return answer;
}

test("an attempt whose answer takes long gives its slot back, unless its payload is large", async () => {
  const patient = createAttempts(world.context, { slots: 100, signal: new AbortController().signal });
  const answer = answerLater();
  const givenBack: string[] = [];
  const start = async (name: string, payload: string) => {
    const organizationId = await newOrganization(world);
    await newWebhook(world, organizationId);
    const deliveryId = only((await publishOne(world, organizationId, { payload })).deliveryIds);
    await shiftTime(world, deliveryId, 10);
    return patient.attempt(hintOf(world, deliveryId), () => givenBack.push(name));
  };
  // The euro sign is three bytes.
  const large = start("large", JSON.stringify("€".repeat(22 * 1024)));
  await waitFor(() => world.sent.length === 1, { what: "the first request" });
  const small = start("small", JSON.stringify("x".repeat(22 * 1024)));
  await waitFor(() => (patient.sweep(), givenBack.length > 0), { what: "a slot" });
  expect(givenBack).toEqual(["small"]);
  answer();
  expect(await Promise.all([large, small])).toMatchObject([{ outcome: "attempted" }, { outcome: "attempted" }]);
});

test("what was taken over from a dead worker waits for a slot, outside its webhook's line", async () => {
  const slots = 4;
  const few = createAttempts(world.context, { slots, signal: new AbortController().signal });
  const answer = answerLater();
  const [orphan, ...others] = [await dueDelivery(), await dueDelivery(), await dueDelivery()];
  if (orphan === undefined) throw new Error("there is no delivery");
  const made = others.map(({ deliveryId }) => few.attempt(hintOf(world, deliveryId)));
  await waitFor(() => world.sent.length === slots / 2, { what: "requests in all shared slots" });
  await claimOne(world, orphan.deliveryId);
  await shiftTime(world, orphan.deliveryId, 60_000);
  const hint = { ...hintOf(world, orphan.deliveryId), isTakenOver: true };
  const report = await few.attempt(hint);
  if (report.outcome !== "too_early") throw new Error(`it came to ${report.outcome}`);
  expect(report.byMs).toBeGreaterThanOrEqual(1_000);
  expect(report.byMs).toBeLessThanOrEqual(5_000);
  expect(await rowOf(world, orphan.deliveryId)).toMatchObject({ state: "in_flight", parkedAt: null });
  answer();
  await Promise.all(made);
  expect(await few.attempt(hint)).toMatchObject({ outcome: "attempted", claim: { number: 2 } });
});

test("after the cut-off nothing is claimed any more", async () => {
  const { deliveryId } = await dueDelivery();
  const cutOff = createAttempts(world.context, { slots: 100, signal: AbortSignal.abort() });
  expect(await cutOff.attempt(hintOf(world, deliveryId))).toEqual({ outcome: "too_early", byMs: 1_000 });
  expect(await rowOf(world, deliveryId)).toMatchObject({ state: "pending", attemptsInSeries: 0 });
});

import { V1A_FORMAT } from "@homing/signature/ed25519";
import { createWebhookSecret } from "@homing/signature/secrets";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createWebhook } from "../src/webhooks/create.js";
import { getWebhook, listWebhooks } from "../src/webhooks/read.js";
import { revealSecret, rotateSecret } from "../src/webhooks/secrets.js";
import { archiveWebhook, disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import { sendTestEvent, TEST_EVENT_TYPE } from "../src/webhooks/test-event.js";
import { updateWebhook } from "../src/webhooks/update.js";
import type { WebhookName } from "../src/webhooks/webhook.js";
import { newOrganization, newWebhook, only, openWorld, SETTINGS, type World } from "./world.js";

const DAY_MS = 24 * 60 * 60 * 1000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function named(settings = {}): Promise<WebhookName> {
  const organizationId = await newOrganization(world);
  return { organizationId, webhookId: (await newWebhook(world, organizationId, settings)).id };
}

test("a webhook is read as it was made, and the secret that was shown is the one revealed", async () => {
  const organizationId = await newOrganization(world);
  const settings = {
    ...SETTINGS,
    description: "invoices",
    eventTypes: ["invoice.*"],
    headers: { authorization: "Bearer s3cr3t-header" },
    retryPolicy: { delaysSeconds: [1, 2], jitter: 0.5, finalStatuses: [400] },
    signatureFormats: ["b3os"],
    metadata: { team: "billing" },
  };
  const { webhook, secret } = await createWebhook(world.context, { organizationId, settings });
  expect(webhook).toMatchObject({ ...settings, state: "enabled", disabledReason: null });
  const name = { organizationId, webhookId: webhook.id };
  expect(await getWebhook(world.context, name)).toEqual(webhook);
  expect(await revealSecret(world.context, name)).toBe(secret);
});

test("neither the secret nor a header's value stands in the database in the clear", async () => {
  const organizationId = await newOrganization(world);
  const headers = { "x-token": "s3cr3t-header" };
  const { webhook, secret } = await createWebhook(world.context, {
    organizationId,
    settings: { ...SETTINGS, headers },
  });
  await updateWebhook(world.context, {
    organizationId,
    webhookId: webhook.id,
    changes: { headers: { "x-token": "an0ther" } },
  });
  const [row] = await world.db.$queryRaw<{ text: string }[]>`
    SELECT (SELECT string_agg(w::text, '') FROM webhooks w) || (SELECT string_agg(s::text, '') FROM webhook_secrets s) AS text`;
  expect(row?.text).toContain(webhook.id);
  for (const plain of [secret, secret.slice(6), "s3cr3t-header", "an0ther", "x-token"])
    expect(row?.text).not.toContain(plain);
});

test("a sealed secret opens in its own row alone", async () => {
  const one = await named();
  const other = await named();
  const { sealed } = await world.db.webhookSecret.findFirstOrThrow({ where: { webhookId: other.webhookId } });
  await world.db.webhookSecret.updateMany({ where: { webhookId: one.webhookId }, data: { sealed } });
  await expect(revealSecret(world.context, one)).rejects.toThrow(/another context/);
});

test("sealed headers and a sealed signing key open in their own row and column alone", async () => {
  const headers = { "x-token": "s3cr3t-header" };
  const [one, other] = [await named({ headers }), await named({ headers, signatureFormats: [V1A_FORMAT] })];
  const { headersSealed } = await world.db.webhook.findUniqueOrThrow({ where: { id: other.webhookId } });
  const { sealed } = await world.db.webhookSigningKey.findFirstOrThrow({ where: { webhookId: other.webhookId } });
  await world.db.webhook.update({ where: { id: one.webhookId }, data: { headersSealed } });
  await expect(getWebhook(world.context, one)).rejects.toThrow(/another context/);
  await world.db.webhookSecret.updateMany({ where: { webhookId: one.webhookId }, data: { sealed } });
  await world.db.webhook.update({ where: { id: one.webhookId }, data: { headersSealed: null } });
  await expect(revealSecret(world.context, one)).rejects.toThrow(/another context/);
});

test("the key pair for v1a is made when it is first asked for, stays, and its private key is sealed", async () => {
  const name = await named();
  expect((await getWebhook(world.context, name)).publicKey).toBeNull();
  const asked = await updateWebhook(world.context, { ...name, changes: { signatureFormats: [V1A_FORMAT] } });
  expect(asked.publicKey).toMatch(/^whpk_/);
  await updateWebhook(world.context, { ...name, changes: { signatureFormats: [] } });
  const again = await updateWebhook(world.context, { ...name, changes: { signatureFormats: ["b3os", V1A_FORMAT] } });
  expect(again.publicKey).toBe(asked.publicKey);
  expect(await getWebhook(world.context, name)).toEqual(again);
  const row = only(await world.db.webhookSigningKey.findMany({ where: { webhookId: name.webhookId } }));
  expect(row).toMatchObject({
    publicKey: asked.publicKey,
    expiresAt: null,
    sealed: expect.stringMatching(/^v1\.k1\./),
  });
  expect(JSON.stringify(row)).not.toContain("whsk_");
});

test("changes at once that ask for v1a make one key pair", async () => {
  const name = await named();
  const change = () => updateWebhook(world.context, { ...name, changes: { signatureFormats: [V1A_FORMAT] } });
  const changed = await Promise.all([change(), change(), change(), change()]);
  expect(new Set(changed.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect(await world.db.webhookSigningKey.count({ where: { webhookId: name.webhookId } })).toBe(1);
});

test("a rotation takes the client's own secret, and ends what was valid before at the time it is told", async () => {
  const name = await named();
  await rotateSecret(world.context, name);
  const secret = createWebhookSecret();
  const rotated = await rotateSecret(world.context, name, { secret, overlapSeconds: 60 });
  expect(rotated).toMatchObject({ secret, publicKey: null });
  expect(await revealSecret(world.context, name)).toBe(secret);
  const rows = await world.db.webhookSecret.findMany({ where: { webhookId: name.webhookId }, orderBy: { id: "asc" } });
  expect(rows.map(({ expiresAt }) => expiresAt)).toEqual([
    rotated.oldSecretsExpireAt,
    rotated.oldSecretsExpireAt,
    null,
  ]);
  expect(Math.abs(rotated.oldSecretsExpireAt.getTime() - Date.now() - 60_000)).toBeLessThan(10_000);
  await rotateSecret(world.context, name, { overlapSeconds: 0 });
  expect(await world.db.webhookSecret.count({ where: { webhookId: name.webhookId } })).toBe(1);
});

test("a URL that may not be called is refused at creation and at change, with the place and the reason", async () => {
  const name = await named();
  world.refuseUrl("https://10.0.0.1/");
  const refusal = { code: "validation_error", faults: [{ pointer: "/url", detail: "is not public" }] };
  const settings = { ...SETTINGS, url: "https://10.0.0.1/" };
  await expect(createWebhook(world.context, { organizationId: name.organizationId, settings })).rejects.toMatchObject(
    refusal,
  );
  const changes = { url: "https://10.0.0.1/" };
  await expect(updateWebhook(world.context, { ...name, changes })).rejects.toMatchObject(refusal);
  expect((await getWebhook(world.context, name)).url).toBe(SETTINGS.url);
});

test("a change touches what it names and nothing else", async () => {
  const name = await named({ headers: { "x-token": "t" }, eventTypes: ["a"], metadata: { k: "v" } });
  const before = await getWebhook(world.context, name);
  const changed = await updateWebhook(world.context, { ...name, changes: { description: "new", timeoutMs: 1_000 } });
  expect(changed).toEqual({ ...before, description: "new", timeoutMs: 1_000, updatedAt: expect.any(Date) });
  const preset = await updateWebhook(world.context, { ...name, changes: { retryPolicy: "baanx", headers: {} } });
  expect(preset).toMatchObject({ retryPolicy: "baanx", headers: {}, description: "new", eventTypes: ["a"] });
});

test("after a rotation the new secret is revealed, and the old one has 24 h left", async () => {
  const name = await named();
  const old = await revealSecret(world.context, name);
  const { secret, oldSecretsExpireAt } = await rotateSecret(world.context, name);
  expect(secret).not.toBe(old);
  expect(await revealSecret(world.context, name)).toBe(secret);
  expect(Math.abs(oldSecretsExpireAt.getTime() - Date.now() - DAY_MS)).toBeLessThan(10_000);
  const rows = await world.db.webhookSecret.findMany({ where: { webhookId: name.webhookId }, orderBy: { id: "asc" } });
  expect(rows.map(({ expiresAt }) => expiresAt)).toEqual([oldSecretsExpireAt, null]);
});

test("a second rotation does not prolong the first secret's time", async () => {
  const name = await named();
  const { oldSecretsExpireAt } = await rotateSecret(world.context, name);
  await rotateSecret(world.context, name);
  const [first] = await world.db.webhookSecret.findMany({
    where: { webhookId: name.webhookId },
    orderBy: { id: "asc" },
  });
  expect(first?.expiresAt).toEqual(oldSecretsExpireAt);
});

test("rotations at once leave one secret without an end, and at most ten are valid", async () => {
  const name = await named();
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => rotateSecret(world.context, name)));
  expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
  expect(await world.db.webhookSecret.count({ where: { webhookId: name.webhookId, expiresAt: null } })).toBe(1);
  for (let valid = 7; valid < 10; valid++) await rotateSecret(world.context, name);
  await expect(rotateSecret(world.context, name)).rejects.toMatchObject({ code: "validation_error" });
  await world.db.webhookSecret.updateMany({
    where: { webhookId: name.webhookId, expiresAt: { not: null } },
    data: { expiresAt: new Date(Date.now() - 1) },
  });
  await rotateSecret(world.context, name);
  expect(await world.db.webhookSecret.count({ where: { webhookId: name.webhookId } })).toBe(2);
});

test("an archived webhook is off the lists and can be neither changed, enabled nor rotated; archiving twice is fine", async () => {
  const name = await named();
  await archiveWebhook(world.context, name);
  await archiveWebhook(world.context, name);
  expect(
    (await listWebhooks(world.context, { organizationId: name.organizationId, limit: 5, after: null })).items,
  ).toEqual([]);
  expect((await getWebhook(world.context, name)).state).toBe("archived");
  const refusal = { code: "webhook_archived" };
  await expect(updateWebhook(world.context, { ...name, changes: { description: "x" } })).rejects.toMatchObject(refusal);
  await expect(enableWebhook(world.context, name)).rejects.toMatchObject(refusal);
  await expect(disableWebhook(world.context, name, "x")).rejects.toMatchObject(refusal);
  await expect(rotateSecret(world.context, name)).rejects.toMatchObject(refusal);
  await expect(sendTestEvent(world.context, name)).rejects.toMatchObject(refusal);
});

test("disabling and enabling say when and why", async () => {
  const name = await named();
  expect(await disableWebhook(world.context, name, "on holiday")).toMatchObject({
    state: "disabled",
    disabledReason: "on holiday",
    disabledAt: expect.any(Date),
  });
  await expect(sendTestEvent(world.context, name)).rejects.toMatchObject({ code: "webhook_disabled" });
  expect(await enableWebhook(world.context, name)).toMatchObject({
    state: "enabled",
    disabledReason: null,
    disabledAt: null,
  });
});

test("a webhook that is disabled twice keeps its first reason and time", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId);
  const first = await disableWebhook(world.context, { organizationId, webhookId }, "410 Gone");
  const second = await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
  expect(second).toMatchObject({ disabledReason: "410 Gone", disabledAt: first.disabledAt });
  await enableWebhook(world.context, { organizationId, webhookId });
  const third = await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
  expect(third).toMatchObject({ state: "disabled", disabledReason: "by hand" });
});

test("every verb answers another organization that there is no such webhook", async () => {
  const own = await named();
  const name = { organizationId: await newOrganization(world), webhookId: own.webhookId };
  const before = await world.db.webhook.findUniqueOrThrow({ where: { id: own.webhookId } });
  const verbs: (() => Promise<unknown>)[] = [
    () => getWebhook(world.context, name),
    () => updateWebhook(world.context, { ...name, changes: { description: "mine" } }),
    () => enableWebhook(world.context, name),
    () => disableWebhook(world.context, name, "mine"),
    () => archiveWebhook(world.context, name),
    () => revealSecret(world.context, name),
    () => rotateSecret(world.context, name),
    () => sendTestEvent(world.context, name),
  ];
  for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: "not_found" });
  expect(await world.db.webhook.findUniqueOrThrow({ where: { id: own.webhookId } })).toEqual(before);
  expect(await world.db.webhookSecret.count({ where: { webhookId: own.webhookId } })).toBe(1);
});

test("a test event goes to its webhook alone, whatever the patterns", async () => {
  const name = await named({ eventTypes: ["user.*"] });
  await newWebhook(world, name.organizationId);
  const eventId = await sendTestEvent(world.context, name);
  expect(await world.db.event.findUniqueOrThrow({ where: { id: eventId } })).toMatchObject({ type: TEST_EVENT_TYPE });
  const row = only(await world.db.delivery.findMany({ where: { eventId } }));
  expect(row).toMatchObject({ webhookId: name.webhookId, state: "pending" });
});

import { randomBytes } from "node:crypto";
import type { Database } from "@homing/db/client";
import { V1A_FORMAT } from "@homing/signature/ed25519";
import { createSealer, type EncryptionKey } from "@homing/signature/sealing";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Acting } from "../src/audit-log/actor.js";
import type { Context } from "../src/context.js";
import { type KeyProgress, rotateKeys } from "../src/sealing/rotate-keys.js";
import { SEALED_COLUMNS } from "../src/sealing/sealed-columns.js";
import { createWebhook } from "../src/webhooks/create.js";
import { listPublicKeys } from "../src/webhooks/public-keys.js";
import { getWebhook } from "../src/webhooks/read.js";
import { revealSecret, rotateSecret } from "../src/webhooks/secrets.js";
import { updateWebhook } from "../src/webhooks/update.js";
import type { WebhookName } from "../src/webhooks/webhook.js";
import { newOrganization, openWorld, SETTINGS, type World } from "./world.js";

// More than a batch.
const WEBHOOKS = 220;
const OLD: EncryptionKey = { id: "old", key: randomBytes(32) };
const NEW: EncryptionKey = { id: "new", key: randomBytes(32) };

let world: World;
let before: Context & Acting;
let after: Context & Acting;

beforeAll(async () => {
  world = await openWorld();
  before = { ...world.context, sealer: createSealer([OLD, NEW]) };
  after = { ...world.context, sealer: createSealer([NEW, OLD]) };
});

afterAll(() => world.close());

beforeEach(async () => {
  await world.db.$executeRaw`TRUNCATE webhook_secrets, webhook_signing_keys, webhooks CASCADE`;
});

async function makeWebhook(context: Context & Acting): Promise<WebhookName & { secret: string }> {
  const organizationId = await newOrganization(world);
  const settings = { ...SETTINGS, headers: { "x-token": "s3cr3t" }, signatureFormats: [V1A_FORMAT] };
  const { webhook, secret } = await createWebhook(context, { organizationId, settings });
  return { organizationId, webhookId: webhook.id, secret };
}

test("every column of the schema that holds sealed texts is on the one list", async () => {
  const columns = await world.db.$queryRaw<{ name: string }[]>`
    SELECT table_name || '.' || column_name AS name FROM information_schema.columns
    WHERE table_schema = current_schema() AND column_name ~ '(^|_)sealed$'`;
  expect(columns.map(({ name }) => name).toSorted()).toEqual(SEALED_COLUMNS.toSorted());
});

test("what is sealed under another key is sealed under the first one, and opens without the old one", async () => {
  const made = [await makeWebhook(before), await makeWebhook(before), await makeWebhook(after)];
  const [first] = made;
  if (first === undefined) throw new Error("there are three");
  const { secret, publicKey } = await rotateSecret(before, first);
  first.secret = secret;
  const untouched = await world.db.webhookSecret.findFirstOrThrow({ where: { webhookId: made[2]?.webhookId ?? "" } });
  const progress: KeyProgress[] = [];
  expect(await rotateKeys(after, (step) => progress.push(step))).toEqual({
    reencrypted: 8,
    unopened: { count: 0, places: [] },
    textsByKeyId: { new: 11 },
    left: 0,
  });
  expect(progress).toEqual([
    { column: "webhooks.headers_sealed", reencrypted: 2, total: 2 },
    { column: "webhook_secrets.sealed", reencrypted: 3, total: 3 },
    { column: "webhook_signing_keys.sealed", reencrypted: 3, total: 3 },
  ]);
  const alone = { ...world.context, sealer: createSealer([NEW]) };
  for (const name of made) {
    expect((await getWebhook(alone, name)).headers).toEqual({ "x-token": "s3cr3t" });
    expect(await revealSecret(alone, name)).toBe(name.secret);
  }
  expect((await listPublicKeys(alone, first.webhookId))[0]).toBe(publicKey);
  expect(await world.db.webhookSecret.findUniqueOrThrow({ where: { id: untouched.id } })).toEqual(untouched);
  expect(await rotateKeys(alone)).toMatchObject({ reencrypted: 0, left: 0 });
});

test("what no key opens is named by its place, never by its text, and stays; all else goes on", async () => {
  const [good, lost, plain] = [await makeWebhook(before), await makeWebhook(before), await makeWebhook(before)];
  const stranger = { ...world.context, sealer: createSealer([{ id: "gone", key: randomBytes(32) }]) };
  const changes = { headers: { "x-token": "other" } };
  await world.db.webhook.update({ where: { id: lost.webhookId }, data: { headersSealed: null } });
  const { organizationId, webhookId } = lost;
  await updateWebhook(stranger, { organizationId, webhookId, changes });
  await world.db.webhookSecret.updateMany({
    where: { webhookId: plain.webhookId },
    data: { sealed: "hunter2.hunter2" },
  });
  const secret = await world.db.webhookSecret.findFirstOrThrow({ where: { webhookId: plain.webhookId } });
  const rotation = await rotateKeys(after);
  expect(rotation).toEqual({
    reencrypted: 7,
    unopened: {
      count: 2,
      places: [`webhooks.headers_sealed ${lost.webhookId}`, `webhook_secrets.sealed ${secret.id}`],
    },
    textsByKeyId: { new: 7, gone: 1, "(not sealed)": 1 },
    left: 2,
  });
  expect(await revealSecret(after, good)).toBe(good.secret);
  expect(await world.db.webhookSecret.findUniqueOrThrow({ where: { id: secret.id } })).toEqual(secret);
});

/** The same database, in which something happens between the reading and the writing of a batch. */
function meanwhile(db: Database, happen: () => Promise<unknown>): Database {
  return new Proxy(db, {
    get(target, name) {
      if (name !== "$executeRaw") return Reflect.get(target, name);
      return async (...statement: unknown[]) => {
        await happen();
        return Reflect.apply(Reflect.get(target, name), target, statement);
      };
    },
  });
}

test("a change that is made while a batch is under way wins, whatever key it was sealed with", async () => {
  const names: WebhookName[] = [];
  for (let count = 0; count < WEBHOOKS; count += 1) names.push(await makeWebhook(before));
  const [ours, theirs, rotated] = names;
  if (ours === undefined || theirs === undefined || rotated === undefined) throw new Error("there are many");
  let changes = 0;
  const change = async (context: Context & Acting, { organizationId, webhookId }: WebhookName, token: string) =>
    updateWebhook(context, { organizationId, webhookId, changes: { headers: { "x-token": token } } });
  const db = meanwhile(world.db, async () => {
    changes += 1;
    if (changes > 1) return;
    await change(before, ours, "ours");
    await change(after, theirs, "theirs");
    await rotateSecret(before, rotated, { overlapSeconds: 0 });
  });
  expect(await rotateKeys({ ...after, db })).toMatchObject({ textsByKeyId: { new: 3 * WEBHOOKS }, left: 0 });
  expect(changes).toBeGreaterThan(3);
  const alone = { ...world.context, sealer: createSealer([NEW]) };
  const tokens = await Promise.all(names.map(async (name) => (await getWebhook(alone, name)).headers["x-token"]));
  expect(tokens).toEqual(["ours", "theirs", ...Array.from({ length: WEBHOOKS - 2 }, () => "s3cr3t")]);
});

test("a row that somebody holds is not waited for: it is left, and counted", async () => {
  const name = await makeWebhook(before);
  await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM webhooks WHERE id = ${name.webhookId}::uuid FOR UPDATE`;
    expect(await rotateKeys(after)).toMatchObject({ reencrypted: 2, unopened: { count: 0 }, left: 1 });
  });
  expect(await rotateKeys(after)).toMatchObject({ reencrypted: 1, left: 0 });
});

import { createApiKey } from "@homing/signature/api-key";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { maintain } from "../src/maintenance.js";
import { authenticate, SCOPES } from "../src/organizations/api-keys.js";
import { createOrganization } from "../src/organizations/create-organization.js";
import { ensureFirstKey } from "../src/organizations/ensure-first-key.js";
import { publishEvents } from "../src/events/publish.js";
import { newOrganization, openWorld, type World } from "./world.js";

const HOUR_MS = 60 * 60 * 1000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

test("two first starts at once make one organization and one key", async () => {
  const key = createApiKey();
  await Promise.all([ensureFirstKey(world.context, key), ensureFirstKey(world.context, key)]);
  await ensureFirstKey(world.context, key);
  expect(await world.db.organization.count()).toBe(1);
  expect(await world.db.apiKey.count()).toBe(1);
  const [caller] = await authenticate(world.context, [key]);
  expect(caller?.scopes).toEqual([...SCOPES]);
});

test("another configured key opens the same first organization", async () => {
  const [one, other] = [createApiKey(), createApiKey()];
  await ensureFirstKey(world.context, one);
  await ensureFirstKey(world.context, other);
  const [first, second] = await authenticate(world.context, [one, other]);
  expect(first?.organizationId).toBe(second?.organizationId);
});

test.each([
  ["revoked", { revokedAt: new Date() }],
  ["expired", { expiresAt: new Date(Date.now() - 1_000) }],
])("a key that is %s opens nothing, and is not made anew by a start", async (_, data) => {
  const { organizationId, key } = await createOrganization(world.context, { name: "one" });
  await world.db.apiKey.updateMany({ where: { organizationId }, data });
  expect(await authenticate(world.context, [key])).toEqual([null]);
  await expect(ensureFirstKey(world.context, key)).rejects.toMatchObject({ code: "validation_error" });
});

test("callers come in the order of the keys, each of its own organization, null for unknown ones", async () => {
  const one = await createOrganization(world.context, { name: "one" });
  const other = await createOrganization(world.context, { name: "other" });
  const callers = await authenticate(world.context, [other.key, createApiKey(), one.key, other.key]);
  expect(callers.map((caller) => caller?.organizationId ?? null)).toEqual([
    other.organizationId,
    null,
    one.organizationId,
    other.organizationId,
  ]);
});

test("a key that expires later is good, and its text is not in the database", async () => {
  const { organizationId, key } = await createOrganization(world.context, { name: "one" });
  await world.db.apiKey.updateMany({ where: { organizationId }, data: { expiresAt: new Date(Date.now() + HOUR_MS) } });
  expect((await authenticate(world.context, [key]))[0]?.organizationId).toBe(organizationId);
  expect(JSON.stringify(await world.db.apiKey.findMany())).not.toContain(key);
});

test("maintenance makes partitions ahead, and forgets idempotency keys and idle counts of requests after 24 h, not before", async () => {
  const organizationId = await newOrganization(world);
  const keyed = (key: string) => ({
    organizationId,
    events: [{ type: "a", payload: "{}" }],
    idempotency: { key, fingerprint: "f" },
  });
  await publishEvents(world.context, [keyed("old"), keyed("young")]);
  await world.db.idempotencyKey.updateMany({
    where: { organizationId, key: "old" },
    data: { createdAt: new Date(Date.now() - 25 * HOUR_MS) },
  });
  const counts = ["stale", "fresh"].map((key) => ({ key, points: 1, expire: BigInt(Date.now()) }));
  await world.db.rateLimit.createMany({ data: counts });
  await world.db.rateLimit.update({ where: { key: "stale" }, data: { expire: BigInt(Date.now() - 25 * HOUR_MS) } });
  const weekMs = 7 * 24 * HOUR_MS;
  const report = await maintain(world.context, { nowMs: Date.now(), retentionMs: 30 * 24 * HOUR_MS });
  expect(report).toEqual({ partitionsMade: [], partitionsDropped: [], idempotencyKeysForgotten: 1 });
  expect(await world.db.idempotencyKey.findMany({ where: { organizationId } })).toMatchObject([{ key: "young" }]);
  expect(await world.db.rateLimit.findMany()).toMatchObject([{ key: "fresh" }]);
  const later = await maintain(world.context, { nowMs: Date.now() + weekMs, retentionMs: 30 * 24 * HOUR_MS });
  expect(later.partitionsMade).toHaveLength(3);
});

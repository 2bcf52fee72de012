import { randomBytes } from "node:crypto";
import { SYSTEM } from "@homing/core/audit-log/actor";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { publishEvents } from "@homing/core/events/publish";
import { createWebhook } from "@homing/core/webhooks/create";
import { PROTECTION_DEFAULTS, type WebhookSettings } from "@homing/core/webhooks/webhook";
import type { Hint } from "@homing/core/context";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createTestDatabase, prepareTemplate } from "@homing/local/test-database";
import { waitFor } from "@homing/local/wait-for";
import { createLogger } from "@homing/runtime/logger";
import { createSealer } from "@homing/signature/sealing";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startRelay } from "../src/relay.js";

const FULL = 20_000;

const SETTINGS: WebhookSettings = {
  url: "https://receiver.test/hook",
  description: null,
  eventTypes: [],
  headers: {},
  retryPolicy: "standard",
  timeoutMs: 15_000,
  signatureFormats: [],
  metadata: {},
  contractFields: {},
  auth: null,
  tls: null,
  ...PROTECTION_DEFAULTS,
};

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Database;

beforeAll(async () => {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  database = await createTestDatabase({ template });
  db = createDatabase({ url: database.url, connectionsMax: 4, applicationName: "test" });
});

afterAll(async () => {
  await db.$disconnect();
  await database.drop();
});

test("while one organization keeps the queue full, what is due and has no hint gets to it all the same", async () => {
  const log = createLogger({ service: "test", level: "silent" });
  const hints: Hint[] = [];
  const context = {
    db,
    log,
    enqueue: (batch: Hint[]) => {
      hints.push(...batch);
      return Promise.resolve([]);
    },
  };
  const { organizationId } = await createOrganization({ db, actor: SYSTEM }, { name: "one" });
  const sealer = createSealer([{ id: "k1", key: randomBytes(32) }]);
  const checkUrl = () => Promise.resolve({ ok: true as const });
  await createWebhook({ db, sealer, checkUrl, actor: SYSTEM }, { organizationId, settings: SETTINGS });
  await publishEvents(context, [{ organizationId, events: [{ type: "a.b", payload: "{}" }] }]);
  await waitFor(() => hints.length === 1, { what: "the publish's own hint" });
  await db.delivery.updateMany({ data: { relayAt: new Date(Date.now() - 1_000) } });
  const relay = startRelay(context, {
    queue: { depth: () => Promise.resolve({ waiting: FULL, delayed: 0 }), epoch: () => Promise.resolve(0) },
    crowd: () => [],
    attempts: { fast: () => [], freeShared: () => 0 },
  });
  try {
    await waitFor(() => hints.length === 2, { what: "the relay's hint" });
  } finally {
    await relay.stop();
  }
  expect(hints[1]?.deliveryId).toBe(hints[0]?.deliveryId);
});

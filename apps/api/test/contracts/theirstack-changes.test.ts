import { revealSecret } from "@homing/core/webhooks/secrets";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { ContractOrganization } from "./contract-api.js";
import { expectError, makeWebhook, SECRET, startTheirstack, type Theirstack } from "./theirstack-fixtures.js";

const WEBHOOKS = "/v0/webhooks";
const ROUNDS = 10;

let all: Theirstack;
let us: ContractOrganization;

beforeAll(async () => {
  all = await startTheirstack();
});
afterAll(() => all.stop());
beforeEach(async () => {
  us = await all.api.createOrganization();
});

describe("changing", () => {
  test("leaves what is not named as it is", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url, secret: SECRET, active_event_types: ["job_new"] });
    const { body } = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, { json: { trigger_once_per_company: true } });
    expect({ ...body, updated_at: "" }).toEqual({ ...webhook, trigger_once_per_company: true, updated_at: "" });
    const { body: again } = await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, {
      json: { search_id: 7, url: `${all.receiver.url}b`, description: null, active_event_types: null },
    });
    expect(again).toMatchObject({ search_id: 7, url: `${all.receiver.url}b`, trigger_once_per_company: true });
    expect(again).toMatchObject({ active_event_types: [], has_secret: true });
  });

  test("at the same time, each client its own member, loses none", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const { id } = await all.api.db.webhook.findUniqueOrThrow({ where: { number: webhook.id } });
    await all.api.db.webhook.update({ where: { id }, data: { contractFields: { b3os: { name: "theirs" } } } });
    const changed = { search_id: 0, listening_start_time: "", trigger_once_per_company: false, description: "" };
    for (let round = 1; round <= ROUNDS; round++) {
      const day = String(round).padStart(2, "0");
      changed.search_id = round;
      changed.listening_start_time = `2026-01-${day}`;
      changed.trigger_once_per_company = round % 2 === 1;
      changed.description = `round ${round}`;
      const changes = Object.entries(changed).map(([member, value]) => ({ [member]: value }));
      await Promise.all(changes.map((json) => us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, { json })));
      expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}`)).body).toMatchObject(changed);
    }
    const { contractFields } = await all.api.db.webhook.findUniqueOrThrow({ where: { id } });
    expect(contractFields).toMatchObject({ b3os: { name: "theirs" } });
  });

  test("with secrets at the same time leaves one client's secret with that client's settings", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const { id: webhookId } = await all.api.db.webhook.findUniqueOrThrow({ where: { number: webhook.id } });
    const name = { organizationId: us.organizationId, webhookId };
    for (let round = 1; round <= ROUNDS; round++) {
      const secrets = [null, `first-secret-of-${round}`, `second-secret-of-${round}`];
      const changes = secrets.map((secret) => ({ secret, description: secret ?? "none" }));
      await Promise.all(changes.map((json) => us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, { json })));
      const { body } = await us.ask("GET", `${WEBHOOKS}/${webhook.id}`);
      const secret = await revealSecret(all.api.context, name);
      const own = secrets.includes(secret) ? secret : null;
      expect(body).toMatchObject({ description: own ?? "none", has_secret: own !== null });
      expect(await all.api.db.webhookSecret.count({ where: { webhookId } })).toBe(1);
    }
  });

  test("whose secret cannot be stored changes nothing", async () => {
    const webhook = await makeWebhook(us, { url: all.receiver.url });
    const { id: webhookId } = await all.api.db.webhook.findUniqueOrThrow({ where: { number: webhook.id } });
    await all.api.db.$executeRawUnsafe(
      `ALTER TABLE webhook_secrets ADD CONSTRAINT refused CHECK (webhook_id <> '${webhookId}') NOT VALID`,
    );
    const json = { secret: SECRET, description: "x", search_id: 7 };
    expectError(await us.ask("PATCH", `${WEBHOOKS}/${webhook.id}`, { json }), 500, "E-016");
    expect((await us.ask("GET", `${WEBHOOKS}/${webhook.id}`)).body).toEqual(webhook);
    expect(await all.api.db.webhookSecret.count({ where: { webhookId } })).toBe(1);
    await all.api.db.$executeRaw`ALTER TABLE webhook_secrets DROP CONSTRAINT refused`;
  });

  test("of an archived webhook is E-001", async () => {
    const { id } = await makeWebhook(us, { url: all.receiver.url });
    await us.ask("PATCH", `${WEBHOOKS}/${id}/archive`);
    expectError(await us.ask("PATCH", `${WEBHOOKS}/${id}`, { json: { description: "x" } }), 400, "E-001");
    expectError(await us.ask("PATCH", `${WEBHOOKS}/${id}/status`, { json: { is_active: true } }), 400, "E-001");
  });
});

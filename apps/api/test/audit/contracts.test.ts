import type { AuditAction } from "@homing/core/audit-log/actions";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { startContractApi } from "../contracts/contract-api.js";
import { makeWebhook } from "../native/fixtures.js";
import { cancelledDelivery, type Stage } from "./cases.js";

const B3OS = "/v1/execution-webhooks";

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

async function b3osEndpoint(): Promise<string> {
  const json = { name: "hook", url: stage.receiverUrl, subscribedEventTypes: ["run.*"] };
  return (await stage.us.ask("POST", B3OS, { json })).body.data.endpoint.id;
}

async function theirstackWebhook(): Promise<number> {
  return (await stage.us.ask("POST", "/v0/webhooks", { json: { url: stage.receiverUrl, search_id: 1 } })).body.id;
}

/** What each verb of a foreign contract leaves in the log. */
const VERBS: [name: string, actions: AuditAction[], act: () => Promise<() => Promise<Response>>][] = [
  [
    "b3os create",
    ["webhook.created"],
    async () => () =>
      stage.us.ask("POST", B3OS, { json: { name: "hook", url: stage.receiverUrl, subscribedEventTypes: ["run.*"] } }),
  ],
  ["b3os disable", ["webhook.disabled"], async () => b3osAction(await b3osEndpoint(), "disable")],
  [
    "b3os enable",
    ["webhook.enabled"],
    async () => {
      const id = await b3osEndpoint();
      await b3osAction(id, "disable")();
      return b3osAction(id, "enable");
    },
  ],
  [
    "b3os regenerate-secret",
    ["webhook.secret_rotated"],
    async () => b3osAction(await b3osEndpoint(), "regenerate-secret"),
  ],
  [
    "b3os replay",
    ["delivery.replayed"],
    async () => b3osAction(`deliveries/${await cancelledDelivery(stage)}`, "replay"),
  ],
  [
    "theirstack create",
    ["webhook.created"],
    async () => () => stage.us.ask("POST", "/v0/webhooks", { json: { url: stage.receiverUrl, search_id: 1 } }),
  ],
  [
    "theirstack change",
    ["webhook.updated"],
    async () => theirstack("PATCH", await theirstackWebhook(), "", { description: "x" }),
  ],
  [
    "theirstack secret",
    ["webhook.secret_rotated", "webhook.updated"],
    async () => theirstack("PATCH", await theirstackWebhook(), "", { secret: "0123456789abcdef" }),
  ],
  [
    "theirstack disable",
    ["webhook.disabled"],
    async () => theirstack("PATCH", await theirstackWebhook(), "/status", { is_active: false }),
  ],
  ["theirstack archive", ["webhook.archived"], async () => theirstack("PATCH", await theirstackWebhook(), "/archive")],
  [
    "theirstack test of a webhook",
    ["webhook.tested"],
    async () => {
      const id = await theirstackWebhook();
      return () => stage.us.ask("POST", "/v0/webhooks/test", { json: { webhook_id: id } });
    },
  ],
  [
    "theirstack test of a URL",
    ["webhook.tested"],
    async () => () => stage.us.ask("POST", "/v0/webhooks/test", { json: { url: stage.receiverUrl } }),
  ],
  [
    "theirstack retry",
    ["delivery.retried", "delivery.retried"],
    async () => {
      const ids = [await cancelledDelivery(stage), await cancelledDelivery(stage)];
      const rows = await stage.api.db.delivery.findMany({ where: { id: { in: ids } } });
      const json = { webhook_event_ids: rows.map(({ number }) => Number(number)) };
      return () => stage.us.ask("POST", "/v0/webhooks/events/retry", { json });
    },
  ],
  [
    "kallima retry",
    ["delivery.retried"],
    async () => {
      const id = await cancelledDelivery(stage);
      return () => stage.us.ask("POST", `/v1/webhook_deliveries/${id}/retry`);
    },
  ],
  [
    "baanx retry",
    ["delivery.retried", "delivery.replayed"],
    async () => {
      const deliveryId = await cancelledDelivery(stage);
      const { body } = await stage.us.ask("GET", `/v1/deliveries/${deliveryId}`);
      await stage.api.db.webhook.updateMany({
        where: { organizationId: stage.us.organizationId, id: { not: body.webhook_id } },
        data: { state: "archived" },
      });
      await makeWebhook(stage.us, { url: stage.receiverUrl });
      return () => stage.us.ask("POST", `/v1/webhooks/events/${body.event_id}/retry`);
    },
  ],
];

function b3osAction(id: string, action: string): () => Promise<Response> {
  return () => stage.us.ask("POST", `${B3OS}/${id}/${action}`);
}

function theirstack(method: "PATCH", id: number, action: string, json: object = {}): () => Promise<Response> {
  return () => stage.us.ask(method, `/v0/webhooks/${id}${action}`, { json });
}

test.each(VERBS)("%s leaves %j", async (_, actions, prepare) => {
  const act = await prepare();
  const { status, headers, text } = await act();
  expect({ status, text }).toMatchObject({ status: 200 });
  const written = await stage.api.db.auditEntry.findMany({ where: { requestId: String(headers["x-request-id"]) } });
  expect(written.map(({ action }) => action).toSorted()).toEqual(actions.toSorted());
  for (const { organizationId, actorType, address } of written) {
    expect({ organizationId, actorType, address }).toEqual({
      organizationId: stage.us.organizationId,
      actorType: "api_key",
      address: "127.0.0.1",
    });
  }
});

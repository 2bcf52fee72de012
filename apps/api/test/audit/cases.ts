import { expect } from "@jest/globals";
import type { AuditAction } from "@homing/core/audit-log/actions";
import { type NewAuditEntry, recordAudit } from "@homing/core/audit-log/record";
import type { Response } from "supertest";
import { v7 as uuidv7 } from "uuid";
import type { ContractApi, ContractOrganization } from "../contracts/contract-api.js";
import { deliveryIdsOf, makeWebhook, publish } from "../native/fixtures.js";

/** Where a case is played. */
export interface Stage {
  api: ContractApi;
  us: ContractOrganization;
  /** Answers 200 to everything. */
  receiverUrl: string;
}

/** One change, prepared, and what the log has to say of it. */
export interface Case {
  act(): Promise<Response | void>;
  targetId: string;
  before: object;
  after: object;
}

/** What each action is, through the API: there is one for every action. */
export const CASES: Record<AuditAction, (stage: Stage) => Promise<Case>> = {
  async "webhook.created"({ us, receiverUrl }) {
    const made: Case = { targetId: "", before: {}, after: {}, act };
    async function act(): Promise<Response> {
      const json = { url: receiverUrl, headers: { "X-Token": "planted" }, rate_limit: { count: 2, period_seconds: 1 } };
      const answer = await us.ask("POST", "/v1/webhooks", { json });
      made.targetId = answer.body.id;
      return answer;
    }
    made.after = {
      url: receiverUrl,
      headers: ["X-Token"],
      rate_limit: { count: 2, period_seconds: 1 },
      event_types: [],
    };
    return made;
  },
  async "webhook.updated"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl, description: "old", timeout_ms: 2_000 });
    const json = { description: "new", timeout_ms: 2_000, headers: { "X-Token": "planted" } };
    return {
      act: () => us.ask("PATCH", `/v1/webhooks/${id}`, { json }),
      targetId: id,
      before: { description: "old", headers: [] },
      after: { description: "new", headers: ["X-Token"] },
    };
  },
  async "webhook.enabled"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    await us.ask("POST", `/v1/webhooks/${id}/disable`);
    return {
      act: () => us.ask("POST", `/v1/webhooks/${id}/enable`),
      targetId: id,
      before: { state: "disabled", disabled_reason: "disabled by request" },
      after: { state: "enabled", disabled_reason: null },
    };
  },
  async "webhook.disabled"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    return {
      act: () => us.ask("POST", `/v1/webhooks/${id}/disable`),
      targetId: id,
      before: { state: "enabled", disabled_reason: null },
      after: { state: "disabled", disabled_reason: "disabled by request" },
    };
  },
  async "webhook.archived"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    const act = () => us.ask("DELETE", `/v1/webhooks/${id}`);
    return { act, targetId: id, before: { state: "enabled" }, after: { state: "archived" } };
  },
  async "webhook.secret_rotated"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    const act = () => us.ask("POST", `/v1/webhooks/${id}/rotate_secret`);
    return { act, targetId: id, before: {}, after: { old_secrets_expire_at: expect.any(String) } };
  },
  async "webhook.secret_revealed"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    return { act: () => us.ask("GET", `/v1/webhooks/${id}/secret`), targetId: id, before: {}, after: {} };
  },
  async "webhook.tested"({ us, receiverUrl }) {
    const { id } = await makeWebhook(us, { url: receiverUrl });
    const after = { event_id: expect.stringMatching(/^evt_/), event_type: "webhook.test" };
    return { act: () => us.ask("POST", `/v1/webhooks/${id}/test`), targetId: id, before: {}, after };
  },
  async "delivery.retried"(stage) {
    const deliveryId = await cancelledDelivery(stage);
    return {
      act: () => stage.us.ask("POST", `/v1/deliveries/${deliveryId}/retry`),
      targetId: deliveryId,
      before: { state: "cancelled", series: 1 },
      after: { state: "pending", series: 2 },
    };
  },
  async "delivery.cancelled"(stage) {
    const deliveryId = await heldDelivery(stage);
    return {
      act: () => stage.us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`),
      targetId: deliveryId,
      before: { state: "held" },
      after: { state: "cancelled" },
    };
  },
  async "delivery.replayed"(stage) {
    const deliveryId = await cancelledDelivery(stage);
    const replayed: Case = { targetId: "", before: {}, after: {}, act };
    async function act(): Promise<Response> {
      const answer = await stage.us.ask("POST", `/v1/execution-webhooks/deliveries/${deliveryId}/replay`);
      replayed.targetId = answer.body.data?.id;
      return answer;
    }
    replayed.after = {
      state: "pending",
      replayed_from: deliveryId,
      event_id: expect.any(String),
      webhook_id: expect.any(String),
    };
    return replayed;
  },
  "organization.created": byTransaction("organization.created"),
  "key.created": byTransaction("key.created"),
  "key.revoked": byTransaction("key.revoked"),
  "portal_token.created": byTransaction("portal_token.created"),
};

/** Of a disabled webhook: no worker takes it. */
export async function heldDelivery({ us, receiverUrl }: Stage): Promise<string> {
  const { id } = await makeWebhook(us, { url: receiverUrl });
  await us.ask("POST", `/v1/webhooks/${id}/disable`);
  const [deliveryId = ""] = await deliveryIdsOf(us, await publish(us, { webhook_ids: [id] }));
  return deliveryId;
}

export async function cancelledDelivery(stage: Stage): Promise<string> {
  const deliveryId = await heldDelivery(stage);
  const { body } = await stage.us.ask("POST", `/v1/deliveries/${deliveryId}/cancel`);
  await stage.us.ask("POST", `/v1/webhooks/${body.webhook_id}/enable`);
  return deliveryId;
}

/** What no route does yet: the entry alone, as a verb writes it. */
function byTransaction(action: NewAuditEntry["action"]): (stage: Stage) => Promise<Case> {
  return async ({ api, us: { organizationId } }) => {
    const targetId = uuidv7();
    const [key] = await api.db.apiKey.findMany({ where: { organizationId } });
    const actor = { type: "api_key", id: key?.id ?? null, address: "127.0.0.1", requestId: "req_1" } as const;
    const after = { name: "a name" };
    const act = () =>
      api.db.$transaction((transaction) =>
        recordAudit(transaction, actor, { organizationId, action, targetId, after }),
      );
    return { act, targetId, before: {}, after };
  };
}

import { expect } from "@jest/globals";
import type { AuditAction } from "@homing/core/audit-log/actions";
import { hashApiKey } from "@homing/signature/api-key";
import type { Response } from "supertest";
import type { ContractApi, ContractOrganization } from "../contracts/contract-api.js";
import { deliveryIdsOf, makeWebhook, publish } from "../native/fixtures.js";
import { OPERATOR_KEY } from "../native/native-api.js";

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
  /** Who did it, if not our key. */
  actor?: object;
  /** Whose log it is on, if not ours. */
  readerKey?: string;
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
  async "organization.created"({ api }) {
    const made: Case = {
      targetId: "",
      before: {},
      after: { name: "a name" },
      act,
      actor: { type: "operator", id: null },
    };
    async function act(): Promise<Response> {
      const headers = { Authorization: `Bearer ${OPERATOR_KEY}` };
      const answer = await api.ask("POST", "/v1/organizations", { headers, json: { name: "a name" } });
      made.targetId = answer.body.id;
      made.readerKey = answer.body.first_key?.key;
      return answer;
    }
    return made;
  },
  async "key.created"({ us }) {
    const scopes = ["events:read"];
    const after = { name: "a name", key_prefix: expect.stringMatching(/^hom_/), scopes, expires_at: null };
    const made: Case = { targetId: "", before: {}, after, act };
    async function act(): Promise<Response> {
      const answer = await us.ask("POST", "/v1/keys", { json: { name: "a name", scopes } });
      made.targetId = answer.body.id;
      return answer;
    }
    return made;
  },
  async "key.revoked"({ us }) {
    const { body } = await us.ask("POST", "/v1/keys", { json: { name: "a name", scopes: ["events:read"] } });
    const act = () => us.ask("POST", `/v1/keys/${body.id}/revoke`);
    return { act, targetId: body.id, before: {}, after: { revoked_at: expect.any(String) } };
  },
  async "portal_token.created"({ api, us }) {
    const { id } = await makeWebhook(us);
    const scopes = ["deliveries:read"];
    const { id: targetId } = await api.db.apiKey.findUniqueOrThrow({ where: { keyHash: hashApiKey(us.key) } });
    const after = { webhook_id: id, scopes, expires_at: expect.any(String) };
    const act = () => us.ask("POST", "/v1/portal_tokens", { json: { webhook_id: id, scopes } });
    return { act, targetId, before: {}, after };
  },
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

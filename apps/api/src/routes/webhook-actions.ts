import { formatEventId } from "@homing/core/events/event-id";
import { revealSecret, rotateSecret } from "@homing/core/webhooks/secrets";
import { disableWebhook, enableWebhook } from "@homing/core/webhooks/state";
import { sendTestEvent } from "@homing/core/webhooks/test-event";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { timeAnswer, uuid } from "./schemas.js";
import { rotationBody } from "./secret-bodies.js";
import { webhookAnswer, webhookBodyOf } from "./webhook-bodies.js";

const TAG = "Webhooks";
const params = Joi.object<{ webhook_id: string }>({ webhook_id: uuid().required() });
const secretAnswer = Joi.string().required().example("whsec_…");

/** What is done to a webhook besides changing its settings. */
export function webhookActionRoutes(context: ApiContext): Route[] {
  return [
    enableWebhookRoute(context),
    disableWebhookRoute(context),
    revealSecretRoute(context),
    rotateSecretRoute(context),
    testWebhookRoute(context),
  ];
}

function enableWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks/{webhook_id}/enable",
    operationId: "enableWebhook",
    summary: "Send to a webhook again",
    description: "The deliveries that were held meanwhile go out in the order of their events.",
    tag: TAG,
    scope: "webhooks:write",
    input: { params },
    answers: { 200: { description: "The webhook, enabled", schema: webhookAnswer } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, actor }) {
      return {
        status: 200,
        body: webhookBodyOf(await enableWebhook({ ...context, actor: actor() }, { organizationId, webhookId })),
      };
    },
  });
}

function disableWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks/{webhook_id}/disable",
    operationId: "disableWebhook",
    summary: "Hold a webhook's deliveries",
    tag: TAG,
    scope: "webhooks:write",
    input: { params },
    answers: { 200: { description: "The webhook, disabled", schema: webhookAnswer } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, actor }) {
      const webhook = await disableWebhook(
        { ...context, actor: actor() },
        { organizationId, webhookId },
        "disabled by request",
      );
      return { status: 200, body: webhookBodyOf(webhook) };
    },
  });
}

function revealSecretRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhooks/{webhook_id}/secret",
    operationId: "revealSecret",
    summary: "Show a webhook's signing secret",
    tag: TAG,
    scope: "secrets:read",
    input: { params },
    answers: { 200: { description: "The newest secret", schema: Joi.object({ secret: secretAnswer }) } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, actor }) {
      return {
        status: 200,
        body: { secret: await revealSecret({ ...context, actor: actor() }, { organizationId, webhookId }) },
      };
    },
  });
}

function rotateSecretRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks/{webhook_id}/rotate_secret",
    operationId: "rotateSecret",
    summary: "Give a webhook a new signing secret",
    description:
      "For 24 h, or `expire_previous_after_seconds`, the old secret signs beside the new one; of a leaked one, say 0. " +
      "Where the webhook has a key pair for `standard_v1a`, it gets a new one with the same overlap.",
    tag: TAG,
    scope: "webhooks:write",
    input: { params, body: rotationBody },
    bodyOptional: true,
    answers: {
      200: {
        description: "The new secret",
        schema: Joi.object({
          secret: secretAnswer,
          public_key: Joi.string().allow(null).required(),
          old_secrets_expire_at: timeAnswer().required(),
        }),
      },
    },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, body, actor }) {
      const { secret, expire_previous_after_seconds: overlapSeconds } = body;
      const rotated = await rotateSecret(
        { ...context, actor: actor() },
        { organizationId, webhookId },
        { ...(secret !== undefined && { secret }), ...(overlapSeconds !== undefined && { overlapSeconds }) },
      );
      return {
        status: 200,
        body: {
          secret: rotated.secret,
          public_key: rotated.publicKey,
          old_secrets_expire_at: rotated.oldSecretsExpireAt.toISOString(),
        },
      };
    },
  });
}

function testWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks/{webhook_id}/test",
    operationId: "testWebhook",
    summary: "Send a test event to a webhook",
    description: "A `webhook.test` event for this webhook alone; its delivery is recorded and retried like any other.",
    tag: TAG,
    scope: "webhooks:write",
    input: { params },
    asksForSending: true,
    answers: {
      202: { description: "Published", schema: Joi.object({ event_id: Joi.string().required() }) },
    },
    refusals: ["not_found", "webhook_disabled", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, actor }) {
      const eventId = await sendTestEvent({ ...context, actor: actor() }, { organizationId, webhookId });
      return { status: 202, body: { event_id: formatEventId(eventId) } };
    },
  });
}

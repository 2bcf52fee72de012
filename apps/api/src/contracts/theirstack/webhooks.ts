import { createWebhook } from "@homing/core/webhooks/create";
import { getWebhookByNumber, listWebhooks } from "@homing/core/webhooks/read";
import { updateWebhook } from "@homing/core/webhooks/update";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { webhookParams } from "./schemas.js";
import { toChanges, toSettings, webhookAnswer, webhookBodyOf, webhookChange, webhookInput } from "./webhook-body.js";

export const WEBHOOKS = "/v0/webhooks";
export const WEBHOOKS_TAG = "TheirStack webhooks";
/** The list is a bare array without pages: of more, the newest. */
const WEBHOOKS_MAX = 1_000;

/** Making, finding and changing webhooks. */
export function webhookRoutes(context: ApiContext): Route[] {
  return [
    listWebhooksRoute(context),
    createWebhookRoute(context),
    getWebhookRoute(context),
    updateWebhookRoute(context),
  ];
}

function listWebhooksRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: WEBHOOKS,
    operationId: "theirstackListWebhooks",
    summary: "List webhooks, newest first, without archived ones",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:read",
    input: {},
    answers: { 200: { description: "The webhooks", schema: Joi.array().items(webhookAnswer) } },
    refusals: [],
    async handle({ caller: { organizationId } }) {
      const { items } = await listWebhooks(context, { organizationId, limit: WEBHOOKS_MAX, after: null });
      return { status: 200, body: items.map(webhookBodyOf) };
    },
  });
}

function createWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: WEBHOOKS,
    operationId: "theirstackCreateWebhook",
    summary: "Create a webhook",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:write",
    input: { body: webhookInput },
    answers: { 200: { description: "The webhook", schema: webhookAnswer } },
    refusals: [],
    async handle({ caller: { organizationId }, body, actor }) {
      const { secret } = body;
      const own = typeof secret === "string" ? { secret } : {};
      const { webhook } = await createWebhook(
        { ...context, actor: actor() },
        { organizationId, settings: toSettings(body), ...own },
      );
      return { status: 200, body: webhookBodyOf(webhook) };
    },
  });
}

function getWebhookRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${WEBHOOKS}/{webhook_id}`,
    operationId: "theirstackGetWebhook",
    summary: "Get a webhook",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:read",
    input: { params: webhookParams },
    answers: { 200: { description: "The webhook, also when archived", schema: webhookAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: number } }) {
      return { status: 200, body: webhookBodyOf(await getWebhookByNumber(context, { organizationId, number })) };
    },
  });
}

function updateWebhookRoute(context: ApiContext): Route {
  return route({
    method: "PATCH",
    path: `${WEBHOOKS}/{webhook_id}`,
    operationId: "theirstackUpdateWebhook",
    summary: "Change a webhook",
    description: "What is not named stays as it is. A secret replaces the one before at once; null takes it away.",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:write",
    input: { params: webhookParams, body: webhookChange },
    answers: { 200: { description: "The webhook as it is now", schema: webhookAnswer } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: number }, body, actor }) {
      const before = await getWebhookByNumber(context, { organizationId, number });
      const name = { organizationId, webhookId: before.id };
      const { secret } = body;
      const changes = toChanges(before, body);
      const webhook = await updateWebhook(
        { ...context, actor: actor() },
        { ...name, changes, ...(secret !== undefined && { secret }) },
      );
      return { status: 200, body: webhookBodyOf(webhook) };
    },
  });
}

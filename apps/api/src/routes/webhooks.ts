import { createWebhook } from "@homing/core/webhooks/create";
import { getWebhook, listWebhooks } from "@homing/core/webhooks/read";
import { archiveWebhook } from "@homing/core/webhooks/state";
import { updateWebhook } from "@homing/core/webhooks/update";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { refusal } from "../problem.js";
import { type Route, route } from "../route.js";
import { pageBody, toPageRequest } from "./page.js";
import { type PageQuery, pageOf, pageQuery, uuid } from "./schemas.js";
import {
  toChanges,
  toSettings,
  webhookAnswer,
  webhookBody,
  webhookBodyOf,
  webhookChangeBody,
} from "./webhook-bodies.js";

const TAG = "Webhooks";
const params = Joi.object<{ webhook_id: string }>({ webhook_id: uuid().required() });

/** Making, finding, changing and archiving webhooks. */
export function webhookRoutes(context: ApiContext): Route[] {
  return [
    createWebhookRoute(context),
    listWebhooksRoute(context),
    getWebhookRoute(context),
    updateWebhookRoute(context),
    archiveWebhookRoute(context),
  ];
}

function createWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks",
    operationId: "createWebhook",
    summary: "Create a webhook",
    tag: TAG,
    scope: "webhooks:write",
    input: { body: webhookBody },
    answers: {
      201: {
        description: "The webhook with its signing secret",
        schema: webhookAnswer.keys({ secret: Joi.string().required().example("whsec_…") }).id("WebhookWithSecret"),
      },
    },
    refusals: [],
    async handle({ caller: { organizationId }, body, actor }) {
      const own = body.secret === undefined ? {} : { secret: body.secret };
      const { webhook, secret } = await createWebhook(
        { ...context, actor: actor() },
        { organizationId, settings: toSettings(body), ...own },
      );
      return { status: 201, body: { ...webhookBodyOf(webhook), secret } };
    },
  });
}

function listWebhooksRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhooks",
    operationId: "listWebhooks",
    summary: "List webhooks, newest first, without archived ones",
    tag: TAG,
    scope: "webhooks:read",
    isHeldToWebhook: true,
    input: { query: Joi.object<PageQuery>(pageQuery) },
    answers: { 200: { description: "A page of webhooks", schema: pageOf(webhookAnswer) } },
    refusals: [],
    async handle({ caller: { organizationId, webhookId: heldTo }, query }) {
      const place = { list: "webhooks", organizationId };
      const page = await listWebhooks(context, { ...toPageRequest(context.cursors, place, query), heldTo });
      return { status: 200, body: pageBody(context.cursors, place, page, webhookBodyOf) };
    },
  });
}

function getWebhookRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhooks/{webhook_id}",
    operationId: "getWebhook",
    summary: "Get a webhook",
    tag: TAG,
    scope: "webhooks:read",
    input: { params },
    answers: { 200: { description: "The webhook", schema: webhookAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId } }) {
      return { status: 200, body: webhookBodyOf(await getWebhook(context, { organizationId, webhookId })) };
    },
  });
}

function updateWebhookRoute(context: ApiContext): Route {
  return route({
    method: "PATCH",
    path: "/v1/webhooks/{webhook_id}",
    operationId: "updateWebhook",
    summary: "Change a webhook",
    description:
      "What is not named stays as it is; `headers` and `metadata` are replaced as a whole. A URL of another origin wants `headers` and `auth` " +
      "named with it where the webhook has any. A token that is bound to the webhook may not change its `event_types`.",
    tag: TAG,
    scope: "webhooks:write",
    input: { params, body: webhookChangeBody },
    answers: { 200: { description: "The webhook as it is now", schema: webhookAnswer } },
    refusals: ["not_found", "webhook_archived", "forbidden"],
    async handle({ caller: { organizationId, webhookId: boundTo }, params: { webhook_id: webhookId }, body, actor }) {
      if (boundTo !== null && body.event_types !== undefined) {
        throw refusal("forbidden", "The token is bound to the webhook, and may not change what it listens to.");
      }
      const webhook = await updateWebhook(
        { ...context, actor: actor() },
        { organizationId, webhookId, changes: toChanges(body) },
      );
      return { status: 200, body: webhookBodyOf(webhook) };
    },
  });
}

function archiveWebhookRoute(context: ApiContext): Route {
  return route({
    method: "DELETE",
    path: "/v1/webhooks/{webhook_id}",
    operationId: "archiveWebhook",
    summary: "Archive a webhook",
    description: "It gets nothing any more, for good; its history stays.",
    tag: TAG,
    scope: "webhooks:write",
    input: { params },
    answers: { 204: { description: "Archived" } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: webhookId }, actor }) {
      await archiveWebhook({ ...context, actor: actor() }, { organizationId, webhookId });
      return { status: 204 };
    },
  });
}

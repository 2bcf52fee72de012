import { getWebhookByNumber } from "@homing/core/webhooks/read";
import { archiveWebhook, disableWebhook, enableWebhook } from "@homing/core/webhooks/state";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { webhookParams } from "./schemas.js";
import { webhookAnswer, webhookBodyOf } from "./webhook-body.js";
import { WEBHOOKS, WEBHOOKS_TAG } from "./webhooks.js";

/** Enabling, disabling and archiving webhooks. */
export function webhookActionRoutes(context: ApiContext): Route[] {
  return [setStatusRoute(context), archiveWebhookRoute(context)];
}

function setStatusRoute(context: ApiContext): Route {
  return route({
    method: "PATCH",
    path: `${WEBHOOKS}/{webhook_id}/status`,
    operationId: "theirstackSetWebhookStatus",
    summary: "Enable or disable a webhook",
    description: "Events of the time for which it is disabled are held, and sent once it is enabled.",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:write",
    input: {
      params: webhookParams,
      body: Joi.object<{ is_active: boolean }>({ is_active: Joi.boolean().required() }).unknown(),
    },
    answers: { 200: { description: "The webhook as it is now", schema: webhookAnswer } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params: { webhook_id: number }, body, actor }) {
      const { id: webhookId } = await getWebhookByNumber(context, { organizationId, number });
      const name = { organizationId, webhookId };
      const changing = body.is_active
        ? enableWebhook({ ...context, actor: actor() }, name)
        : disableWebhook({ ...context, actor: actor() }, name, "disabled by request");
      return { status: 200, body: webhookBodyOf(await changing) };
    },
  });
}

function archiveWebhookRoute(context: ApiContext): Route {
  return route({
    method: "PATCH",
    path: `${WEBHOOKS}/{webhook_id}/archive`,
    operationId: "theirstackArchiveWebhook",
    summary: "Archive a webhook",
    description: "It gets nothing any more, for good, and leaves the list; its history stays.",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:write",
    input: { params: webhookParams },
    answers: { 200: { description: "The webhook, archived", schema: webhookAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: number }, actor }) {
      const { id: webhookId } = await getWebhookByNumber(context, { organizationId, number });
      await archiveWebhook({ ...context, actor: actor() }, { organizationId, webhookId });
      return { status: 200, body: webhookBodyOf(await getWebhookByNumber(context, { organizationId, number })) };
    },
  });
}

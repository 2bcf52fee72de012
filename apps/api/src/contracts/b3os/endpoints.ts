import { createWebhook } from "@homing/core/webhooks/create";
import { getWebhook, listWebhooks } from "@homing/core/webhooks/read";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { endpointAnswer, endpointBody, endpointInput, endpointWithSecretAnswer, settingsOf } from "./endpoint-body.js";
import { answerJson, envelopeOf } from "./envelope.js";
import { endpointNotFound, idParams, requireEndpointId } from "./ids.js";
import { pageJson, pageOf, type PageQuery, pageQuery } from "./page.js";

export const ENDPOINTS = "/v1/execution-webhooks";
export const ENDPOINTS_TAG = "B3OS endpoints";

/** Making and finding endpoints. */
export function endpointRoutes(context: ApiContext): Route[] {
  return [listEndpointsRoute(context), createEndpointRoute(context), getEndpointRoute(context)];
}

function listEndpointsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: ENDPOINTS,
    operationId: "b3osListEndpoints",
    summary: "List endpoints, newest first",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:read",
    input: { query: Joi.object<PageQuery>(pageQuery).unknown() },
    answers: { 200: { description: "A page of endpoints", schema: envelopeOf(pageOf(endpointAnswer)) } },
    refusals: [],
    async handle({ caller: { organizationId }, query, requestId }) {
      const { items, nextAfter } = await listWebhooks(context, { organizationId, after: null, ...query });
      const bodies = items.map((webhook) => JSON.stringify(endpointBody(organizationId, webhook)));
      return answerJson(requestId, pageJson(query, bodies, nextAfter !== null));
    },
  });
}

function createEndpointRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: ENDPOINTS,
    operationId: "b3osCreateEndpoint",
    summary: "Create an endpoint",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:write",
    input: { body: endpointInput },
    answers: {
      200: { description: "The endpoint with its signing secret", schema: envelopeOf(endpointWithSecretAnswer) },
    },
    refusals: [],
    async handle({ caller: { organizationId, apiKeyId }, body, requestId, actor }) {
      const settings = settingsOf(body, apiKeyId);
      const { webhook, secret: signingSecret } = await createWebhook(
        { ...context, actor: actor() },
        { organizationId, settings },
      );
      const endpoint = endpointBody(organizationId, webhook);
      return answerJson(requestId, JSON.stringify({ endpoint, signingSecret }));
    },
  });
}

function getEndpointRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${ENDPOINTS}/{id}`,
    operationId: "b3osGetEndpoint",
    summary: "Get an endpoint",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:read",
    input: { params: idParams },
    answers: { 200: { description: "The endpoint", schema: envelopeOf(endpointAnswer) } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params, requestId }) {
      const webhook = await getWebhook(context, { organizationId, webhookId: requireEndpointId(params.id) });
      if (webhook.state === "archived") throw endpointNotFound();
      return answerJson(requestId, JSON.stringify(endpointBody(organizationId, webhook)));
    },
  });
}

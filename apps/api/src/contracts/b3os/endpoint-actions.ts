import { getWebhook } from "@homing/core/webhooks/read";
import { rotateSecret } from "@homing/core/webhooks/secrets";
import { disableWebhook, enableWebhook } from "@homing/core/webhooks/state";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { endpointAnswer, endpointBody, endpointWithSecretAnswer } from "./endpoint-body.js";
import { ENDPOINTS, ENDPOINTS_TAG } from "./endpoints.js";
import { answerJson, envelopeOf } from "./envelope.js";
import { idParams, requireEndpointId } from "./ids.js";

/** What is done to an endpoint. */
export function endpointActionRoutes(context: ApiContext): Route[] {
  return [enableEndpointRoute(context), disableEndpointRoute(context), regenerateSecretRoute(context)];
}

function enableEndpointRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${ENDPOINTS}/{id}/enable`,
    operationId: "b3osEnableEndpoint",
    summary: "Send to an endpoint again",
    description: "The deliveries that were held meanwhile go out in the order they were made. A body is ignored.",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:write",
    input: { params: idParams },
    answers: { 200: { description: "The endpoint, active", schema: envelopeOf(endpointAnswer) } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params, requestId, actor }) {
      const webhook = await enableWebhook(
        { ...context, actor: actor() },
        { organizationId, webhookId: requireEndpointId(params.id) },
      );
      return answerJson(requestId, JSON.stringify(endpointBody(organizationId, webhook)));
    },
  });
}

function disableEndpointRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${ENDPOINTS}/{id}/disable`,
    operationId: "b3osDisableEndpoint",
    summary: "Hold an endpoint's deliveries",
    description: "A body is ignored.",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:write",
    input: { params: idParams },
    answers: { 200: { description: "The endpoint, disabled", schema: envelopeOf(endpointAnswer) } },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params, requestId, actor }) {
      const name = { organizationId, webhookId: requireEndpointId(params.id) };
      const webhook = await disableWebhook({ ...context, actor: actor() }, name, "disabled by request");
      return answerJson(requestId, JSON.stringify(endpointBody(organizationId, webhook)));
    },
  });
}

function regenerateSecretRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${ENDPOINTS}/{id}/regenerate-secret`,
    operationId: "b3osRegenerateSecret",
    summary: "Give an endpoint a new signing secret",
    description:
      "x-b3os-signature is made with the new secret at once; for 24 h the old one signs beside it in webhook-signature. " +
      "A body is ignored.",
    tag: ENDPOINTS_TAG,
    scope: "webhooks:write",
    input: { params: idParams },
    answers: {
      200: { description: "The endpoint with its new secret", schema: envelopeOf(endpointWithSecretAnswer) },
    },
    refusals: ["not_found", "webhook_archived"],
    async handle({ caller: { organizationId }, params, requestId, actor }) {
      const name = { organizationId, webhookId: requireEndpointId(params.id) };
      const { secret: signingSecret } = await rotateSecret({ ...context, actor: actor() }, name);
      const endpoint = endpointBody(organizationId, await getWebhook(context, name));
      return answerJson(requestId, JSON.stringify({ endpoint, signingSecret }));
    },
  });
}

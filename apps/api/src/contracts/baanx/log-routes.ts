import { type AttemptEntry, listAttemptLog } from "@homing/core/deliveries/attempt-log";
import { followEvent } from "@homing/core/events/progress";
import { withPayloads } from "@homing/core/events/payloads";
import { DomainError } from "@homing/core/errors";
import { getWebhook } from "@homing/core/webhooks/read";
import type { WebhookName } from "@homing/core/webhooks/webhook";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { bodyOfPieces, listPieces } from "../../pieces.js";
import { type Answer, type Route, route } from "../../route.js";
import { eventNotFound, webhookNotFound } from "./errors.js";
import { eventAnswer, eventJson } from "./event-bodies.js";
import { eventIdText, toEventId, uuid } from "./ids.js";
import { limit } from "./limit.js";
import { logAnswer, logJson } from "./log-bodies.js";
import { TAG } from "./tag.js";

const EVENT_LOGS_MAX = 200;

/** Looking at what was sent and what came back. */
export function logRoutes(context: ApiContext): Route[] {
  return [eventLogsRoute(context), webhookLogsRoute(context)];
}

function eventLogsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhooks/events/{eventId}/logs",
    operationId: "baanxListEventLogs",
    summary: "List the attempts of an event, newest first",
    description: "Each attempt that was made, and those that are due or under way: the newest 200.",
    tag: TAG,
    scope: "deliveries:read",
    input: { params: Joi.object<{ eventId: string }>({ eventId: eventIdText().required() }) },
    answers: {
      200: {
        description: "The event and its attempts",
        schema: Joi.object({ event: eventAnswer.required(), logs: Joi.array().items(logAnswer).required() }),
      },
    },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params }) {
      const eventId = toEventId(params.eventId);
      const event = await followEvent(context, { organizationId, eventId });
      if (event === null) throw eventNotFound();
      const logs = await listAttemptLog(context, { organizationId, of: { eventId }, limit: EVENT_LOGS_MAX });
      return answerLogs(context, { organizationId, logs, before: `{"event":${eventJson(event)},` });
    },
  });
}

function webhookLogsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhooks/{id}/logs",
    operationId: "baanxListWebhookLogs",
    summary: "List the attempts of a webhook, newest first",
    tag: TAG,
    scope: "deliveries:read",
    input: {
      params: Joi.object<{ id: string }>({ id: uuid().required() }),
      query: Joi.object<{ limit: number }>({ limit: limit() }).unknown(),
    },
    answers: {
      200: {
        description: "The webhook's newest attempts",
        schema: Joi.object({
          count: Joi.number().integer().required().description("Of those in this answer"),
          logs: Joi.array().items(logAnswer).required(),
        }),
      },
    },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { id: webhookId }, query }) {
      await assertWebhook(context, { organizationId, webhookId });
      const logs = await listAttemptLog(context, { organizationId, of: { webhookId }, limit: query.limit });
      return answerLogs(context, { organizationId, logs, before: `{"count":${logs.length},` });
    },
  });
}

/** An object whose last member is the logs. */
async function answerLogs(
  context: ApiContext,
  { organizationId, logs, before }: { organizationId: string; logs: readonly AttemptEntry[]; before: string },
): Promise<Answer> {
  const loaded = withPayloads(context, { organizationId, items: logs });
  const pieces = listPieces(loaded, { toJson: logJson, before: `${before}"logs":[`, after: "]}" });
  return { status: 200, body: await bodyOfPieces(pieces) };
}

async function assertWebhook(context: ApiContext, name: WebhookName): Promise<void> {
  try {
    await getWebhook(context, name);
  } catch (error) {
    throw error instanceof DomainError && error.code === "not_found" ? webhookNotFound() : error;
  }
}

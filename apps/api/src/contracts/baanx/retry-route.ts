import { DomainError } from "@homing/core/errors";
import { type EventRetryOutcome, retryEvent } from "@homing/core/events/retry-event";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { eventNotFound, webhookNotFound } from "./errors.js";
import { eventIdText, toEventId, uuid } from "./ids.js";
import { TAG } from "./tag.js";

const params = Joi.object<{ eventId: string }>({ eventId: eventIdText().required() });

const retryBody = Joi.object<{ webhookId?: string | null }>({
  webhookId: uuid().allow(null).description("This webhook alone; every active one that matches unless told"),
})
  .unknown()
  .id("BaanxRetryInput");

const retryAnswer = Joi.object({
  success: Joi.boolean().required(),
  data: Joi.object({
    eventId: Joi.string().required().description("As in the path"),
    webhookCount: Joi.number().integer().required(),
    message: Joi.string().required().example("Event queued for retry to 2 webhook(s)"),
  }).required(),
}).id("BaanxRetry");

/** Sends an event again to one or all webhooks that are active now. */
export function retryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhooks/events/{eventId}/retry",
    operationId: "baanxRetryEvent",
    summary: "Send an event again to the active webhooks, or to one of them",
    description:
      "Queues the event for every active webhook that matches its type now, also one made after the event. A webhook named in the " +
      "body gets it whatever its patterns. What is queued or being sent counts, and gets no second attempt.",
    tag: TAG,
    scope: "deliveries:retry",
    input: { params, body: retryBody },
    bodyOptional: true,
    asksForSending: true,
    answers: { 200: { description: "Attempts are due now or under way", schema: retryAnswer } },
    refusals: ["not_found", "webhook_disabled", "quota_exhausted"],
    async handle({ caller: { organizationId }, params: { eventId }, body, receivedAtMs, actor }) {
      const webhookId = body.webhookId ?? null;
      const retried = await retryEvent(
        { ...context, actor: actor() },
        {
          organizationId,
          eventId: toEventId(eventId),
          webhookId,
          receivedAtMs,
        },
      );
      const webhookCount = assertQueued(retried);
      const message = `Event queued for retry to ${webhookCount} webhook(s)`;
      return { status: 200, body: { success: true, data: { eventId, webhookCount, message } } };
    },
  });
}

/** For how many webhooks. @throws DomainError for every other outcome */
function assertQueued(retried: EventRetryOutcome): number {
  switch (retried.outcome) {
    case "queued":
      return retried.webhooks;
    case "not_found":
      throw eventNotFound();
    case "webhook_not_found":
      throw webhookNotFound();
    case "webhook_disabled":
      throw new DomainError("webhook_disabled", "the webhook is disabled");
    case "quota_exhausted":
      throw new DomainError("quota_exhausted", "the organization's quota of deliveries is used up");
    default:
      return retried satisfies never;
  }
}

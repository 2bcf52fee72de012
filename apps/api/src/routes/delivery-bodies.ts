import type { Attempt, Delivery } from "@homing/core/deliveries/delivery";
import { DELIVERY_STATES } from "@homing/core/deliveries/delivery";
import { formatEventId } from "@homing/core/events/event-id";
import { FAILED_OUTCOMES } from "@homing/core/outcome";
import Joi from "joi";
import { timeAnswer } from "./schemas.js";

const headersAnswer = () => Joi.object().pattern(Joi.string(), Joi.string().allow(""));

export const deliveryAnswer = Joi.object({
  id: Joi.string().guid().required(),
  number: Joi.number().integer().required(),
  event_id: Joi.string().required().example("evt_01JBAAAA000000000000000000"),
  event_type: Joi.string().required(),
  webhook_id: Joi.string().guid().required(),
  state: Joi.string()
    .valid(...DELIVERY_STATES)
    .required(),
  series: Joi.number().integer().required().description("1 for the automatic schedule, one more for each manual retry"),
  attempts_in_series: Joi.number().integer().required(),
  attempts_total: Joi.number().integer().required(),
  next_attempt_at: timeAnswer().allow(null).required(),
  last_response_status: Joi.number().integer().allow(null).required(),
  last_error: Joi.string().allow(null).required(),
  delivered_at: timeAnswer().allow(null).required(),
  created_at: timeAnswer().required(),
  updated_at: timeAnswer().required(),
}).id("Delivery");

export const attemptAnswer = Joi.object({
  id: Joi.string().guid().required(),
  delivery_id: Joi.string().guid().required(),
  series: Joi.number().integer().required(),
  number: Joi.number().integer().required().description("Counted in its series from 1"),
  trigger: Joi.string().valid("automatic", "manual").required(),
  outcome: Joi.string()
    .valid("responded", ...FAILED_OUTCOMES)
    .required(),
  response_status: Joi.number().integer().allow(null).required(),
  response_headers: headersAnswer()
    .allow(null)
    .required()
    .description("Without those that concern the connection alone"),
  response_body: Joi.string().allow("", null).required().description("The first 4096 bytes"),
  request_headers: headersAnswer().required().description("Credentials are redacted"),
  duration_ms: Joi.number().integer().required(),
  error: Joi.string().allow(null).required(),
  created_at: timeAnswer().required(),
}).id("Attempt");

export function deliveryBody(delivery: Delivery): object {
  return {
    id: delivery.id,
    number: delivery.number,
    event_id: formatEventId(delivery.eventId),
    event_type: delivery.eventType,
    webhook_id: delivery.webhookId,
    state: delivery.state,
    series: delivery.series,
    attempts_in_series: delivery.attemptsInSeries,
    attempts_total: delivery.attemptsTotal,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    last_response_status: delivery.lastResponseStatus,
    last_error: delivery.lastError,
    delivered_at: delivery.deliveredAt?.toISOString() ?? null,
    created_at: delivery.createdAt.toISOString(),
    updated_at: delivery.updatedAt.toISOString(),
  };
}

export function attemptBody(attempt: Attempt): object {
  return {
    id: attempt.id,
    delivery_id: attempt.deliveryId,
    series: attempt.series,
    number: attempt.number,
    trigger: attempt.trigger,
    outcome: attempt.outcome,
    response_status: attempt.responseStatus,
    response_headers: attempt.responseHeaders,
    response_body: attempt.responseBody,
    request_headers: attempt.requestHeaders,
    duration_ms: attempt.durationMs,
    error: attempt.error,
    created_at: attempt.createdAt.toISOString(),
  };
}

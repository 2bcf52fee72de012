import type { AttemptEntry } from "@homing/core/deliveries/attempt-log";
import type { WithPayload } from "@homing/core/events/payloads";
import Joi from "joi";
import { timeAnswer } from "./event-bodies.js";

const STATUS_OF = {
  waiting: "pending",
  in_flight: "processing",
  succeeded: "success",
  failed: "failed",
} as const satisfies Record<AttemptEntry["state"], string>;

export const logAnswer = Joi.object({
  id: Joi.string().guid().required(),
  eventId: Joi.string().guid().required(),
  webhookId: Joi.string().guid().required(),
  attemptNumber: Joi.number().integer().required().description("Counted over the schedule and all retries, from 1"),
  requestUrl: Joi.string().required().description("The webhook's, as it is now"),
  requestHeaders: Joi.object()
    .pattern(Joi.string(), Joi.string().allow(""))
    .required()
    .description("Credentials are redacted"),
  requestBody: Joi.object().unknown().required(),
  responseStatus: Joi.number().integer().allow(null).required(),
  responseBody: Joi.string().allow("", null).required().description("The first 4096 bytes"),
  errorMessage: Joi.string().allow(null).required(),
  deliveryStatus: Joi.string()
    .valid(...Object.values(STATUS_OF))
    .required(),
  durationMs: Joi.number().integer().allow(null).required().description("null when no response came"),
  createdAt: timeAnswer().required(),
  nextRetryAt: timeAnswer().allow(null).required(),
}).id("BaanxLog");

/** A log as JSON text, the request's body byte for byte. */
export function logJson(entry: WithPayload<AttemptEntry>): string {
  const { responseStatus } = entry;
  const head = JSON.stringify({
    id: entry.id,
    eventId: entry.eventId,
    webhookId: entry.webhookId,
    attemptNumber: entry.number,
    requestUrl: entry.url,
    requestHeaders: entry.requestHeaders,
    responseStatus,
    responseBody: entry.responseBody,
    errorMessage: errorOf(entry),
    deliveryStatus: STATUS_OF[entry.state],
    durationMs: responseStatus === null ? null : entry.durationMs,
    createdAt: entry.createdAt.toISOString(),
    nextRetryAt: entry.nextAttemptAt?.toISOString() ?? null,
  });
  return `${head.slice(0, -1)},"requestBody":${entry.payload}}`;
}

function errorOf({ state, error, responseStatus }: AttemptEntry): string | null {
  if (state !== "failed") return null;
  return error ?? `Webhook responded with status ${responseStatus}`;
}

import { type DeliveryState, shownStateOf } from "@homing/core/deliveries/delivery";
import type { DeliveryRecord } from "@homing/core/deliveries/records";
import Joi from "joi";
import { timeAnswer } from "../../routes/schemas.js";

const STATUSES = ["pending", "success", "failure", "retrying"] as const;
type Status = (typeof STATUSES)[number];

/** The contract has no word for a delivery that was skipped: it does not show any. */
export const SHOWN_STATES = ["pending", "in_flight", "succeeded", "failed", "held", "cancelled"] as const;

/** Whether the contract has a word for it. */
export function isShown(state: DeliveryState): boolean {
  return SHOWN_STATES.some((shown) => shown === state);
}

const headersAnswer = () => Joi.object().pattern(Joi.string(), Joi.string().allow(""));

export const deliveryAnswer = Joi.object({
  id: Joi.string().required(),
  endpointId: Joi.string().required(),
  organizationId: Joi.string().required(),
  eventType: Joi.string().required(),
  executionId: Joi.string().allow("").description("The event's attribute of this name, as runId and workflowId"),
  runId: Joi.string().allow(""),
  workflowId: Joi.string().allow(""),
  status: Joi.string()
    .valid(...STATUSES)
    .required(),
  retryCount: Joi.number().integer().min(0).required().description("Retries made since it was last asked for"),
  maxRetries: Joi.number().integer().min(0).required(),
  nextRetryAt: timeAnswer().description("When an attempt is due"),
  requestBody: Joi.object().unknown().required(),
  requestHeaders: headersAnswer().description("Of the last attempt; credentials are redacted"),
  responseStatus: Joi.number().integer(),
  responseHeaders: headersAnswer(),
  responseBody: Joi.string().allow("").description("The first 4096 bytes"),
  errorMessage: Joi.string(),
  durationMs: Joi.number().integer(),
  createdAt: timeAnswer().required(),
  updatedAt: timeAnswer().required(),
}).id("B3osDelivery");

/** A delivery as JSON text: its payload stands in it byte for byte, what is absent is left out. */
export function deliveryJson(record: DeliveryRecord): string {
  const { attributes, lastAttempt } = record;
  const head = JSON.stringify({
    id: record.id,
    endpointId: record.webhookId,
    organizationId: record.organizationId,
    eventType: record.eventType,
    executionId: attributes["executionId"],
    runId: attributes["runId"],
    workflowId: attributes["workflowId"],
    status: statusOf(record),
    // Attempts that a stop of ours cut off are made again beyond the schedule.
    retryCount: Math.min(Math.max(0, record.attemptsInSeries - 1), record.retriesMax),
    maxRetries: record.retriesMax,
    nextRetryAt: record.nextAttemptAt ?? undefined,
    requestHeaders: lastAttempt?.requestHeaders,
    responseStatus: lastAttempt?.responseStatus ?? undefined,
    responseHeaders: lastAttempt?.responseHeaders ?? undefined,
    responseBody: lastAttempt?.responseBody ?? undefined,
    errorMessage: record.lastError ?? undefined,
    durationMs: lastAttempt?.durationMs,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  });
  return `${head.slice(0, -1)},"requestBody":${record.payload}}`;
}

/** @throws Error for a state that the contract does not show */
export function statusOf(delivery: Pick<DeliveryRecord, "state" | "attemptsInSeries">): Status {
  const state = shownStateOf(delivery);
  switch (state) {
    case "retrying":
      return "retrying";
    case "pending":
    case "in_flight":
    case "held":
      return "pending";
    case "succeeded":
      return "success";
    case "failed":
    case "cancelled":
      return "failure";
    case "skipped":
      throw new Error("a skipped delivery has no status in this contract");
    default:
      return state satisfies never;
  }
}

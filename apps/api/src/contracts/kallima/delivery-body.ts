import type { DeliveryRecord } from "@homing/core/deliveries/records";
import { formatEventId } from "@homing/core/events/event-id";
import Joi from "joi";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$/;

const timeAnswer = () => Joi.string().pattern(TIME).example("2026-04-23T10:00:05+00:00");

export const deliveryAnswer = Joi.object({
  id: Joi.string().guid().required().example("ffff0001-eeee-0002-dddd-000300040005"),
  object: Joi.string().valid("webhook_delivery").required(),
  webhook_id: Joi.string().guid().required(),
  event_id: Joi.string()
    .pattern(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/)
    .required()
    .description("Stable; deduplicate on this")
    .example("evt_01JBAAAA000000000000000000"),
  event_type: Joi.string().required().example("humanization.completed"),
  created_at: timeAnswer().required(),
  request_body: Joi.object().unknown().required().description("The JSON body that is sent"),
  response_status: Joi.number().integer().allow(null).required().description("null: nothing came back yet"),
  response_body: Joi.string().allow("", null).required().description("The first 4096 bytes"),
  attempts: Joi.number().integer().required().description("How many attempts were made so far"),
  delivered_at: timeAnswer().allow(null).required().description("When a success was recorded"),
}).id("KallimaDelivery");

/**
 * A delivery as JSON text. The payload stands in it byte for byte, so that numbers no double can hold survive.
 */
export function deliveryJson(record: DeliveryRecord): string {
  const head = JSON.stringify({
    id: record.id,
    object: "webhook_delivery",
    webhook_id: record.webhookId,
    event_id: formatEventId(record.eventId),
    event_type: record.eventType,
    created_at: timeText(record.createdAt),
    ...responseOf(record),
    attempts: record.attemptsTotal,
    delivered_at: record.deliveredAt === null ? null : timeText(record.deliveredAt),
  });
  return `${head.slice(0, -1)},"request_body":${record.payload}}`;
}

/** Of the last attempt; nothing while the delivery waits for the first attempt of a series. */
function responseOf({ state, attemptsInSeries, lastAttempt }: DeliveryRecord): object {
  const isWaiting = state === "held" || (state === "pending" && attemptsInSeries === 0);
  const last = isWaiting ? null : lastAttempt;
  return { response_status: last?.responseStatus ?? null, response_body: last?.responseBody ?? null };
}

/** In UTC, to the second. */
function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19)}+00:00`;
}

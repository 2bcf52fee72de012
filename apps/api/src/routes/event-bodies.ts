import type { Event } from "@homing/core/events/event";
import { formatEventId } from "@homing/core/events/event-id";
import type { EventSummary } from "@homing/core/events/read";
import Joi from "joi";
import { publishedType, texts, time, timeAnswer, uuid } from "./schemas.js";

const ATTRIBUTES = { keysMax: 20, lengthMax: 256 };
const WEBHOOK_IDS_MAX = 100;

/** What a producer says of one event. */
export interface EventBody {
  type: string;
  payload: object;
  occurred_at?: string;
  attributes?: Record<string, string>;
  webhook_ids?: string[];
}

export const eventBody = Joi.object<EventBody>({
  type: publishedType().required(),
  payload: Joi.object()
    .unknown()
    .required()
    .description("Signed and sent byte for byte as it came; at most 256 KiB")
    .example({ id: "in_1", amount_cents: 4200 }),
  occurred_at: time().description("When it happened; now unless told"),
  attributes: texts(ATTRIBUTES).description("Kept beside the event and never sent to receivers"),
  webhook_ids: Joi.array()
    .items(uuid())
    .min(1)
    .max(WEBHOOK_IDS_MAX)
    .unique()
    .description("Only these webhooks, whatever their patterns"),
}).id("EventInput");

export const publishedAnswer = Joi.object({
  id: Joi.string().required().example("evt_01JBAAAA000000000000000000"),
  type: Joi.string().required(),
  matched_webhooks: Joi.number().integer().required().description("How many webhooks it is for"),
  duplicate: Joi.boolean().required().description("Whether this is the first answer to the same Idempotency-Key"),
  created_at: timeAnswer().required(),
}).id("PublishedEvent");

const summary = {
  id: Joi.string().required().example("evt_01JBAAAA000000000000000000"),
  type: Joi.string().required(),
  attributes: Joi.object().pattern(Joi.string(), Joi.string().allow("")).required(),
  occurred_at: timeAnswer().required(),
  matched_webhooks: Joi.number().integer().required(),
  created_at: timeAnswer().required(),
};

/** In lists: payloads are large, and a page of them would have no bound. */
export const eventSummaryAnswer = Joi.object(summary).id("EventSummary");

export const eventAnswer = Joi.object({ ...summary, payload: Joi.object().unknown().required() }).id("Event");

export function eventSummaryBody(event: EventSummary): object {
  return {
    id: formatEventId(event.id),
    type: event.type,
    attributes: event.attributes,
    occurred_at: event.occurredAt.toISOString(),
    matched_webhooks: event.matchedWebhooks,
    created_at: event.createdAt.toISOString(),
  };
}

/** An event as JSON text. Its payload stands in it byte for byte, so that numbers no double can hold survive reading, too. */
export function eventJson(event: Event): string {
  return `${JSON.stringify(eventSummaryBody(event)).slice(0, -1)},"payload":${event.payload}}`;
}

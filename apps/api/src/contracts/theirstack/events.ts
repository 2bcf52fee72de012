import { shownStateOf } from "@homing/core/deliveries/delivery";
import { type DeliveryRecord, listRecords, OFFSET_MAX } from "@homing/core/deliveries/records";
import { withPayloads } from "@homing/core/events/payloads";
import { listEventTypes } from "@homing/core/events/list-types";
import { getWebhookByNumber } from "@homing/core/webhooks/read";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { bodyOfPieces, listPieces } from "../../pieces.js";
import { type Route, route } from "../../route.js";
import { formatTime, timeAnswer, webhookParams } from "./schemas.js";
import { statesOf, STATUSES, type Status, toStatus } from "./status.js";
import { WEBHOOKS } from "./webhooks.js";

export const EVENTS_TAG = "TheirStack webhook events";
const LIMIT = { max: 500, default: 25 };
/** Those of the contract's own world, which a picker may offer before the first event. */
const OWN_EVENT_TYPES = ["company_new", "job_new"];

interface EventsQuery {
  status?: Status;
  offset: number;
  limit: number;
}

const eventsQuery = Joi.object<EventsQuery>({
  status: Joi.string().valid(...STATUSES),
  offset: Joi.number().integer().min(0).max(OFFSET_MAX).default(0),
  limit: Joi.number().integer().min(1).max(LIMIT.max).default(LIMIT.default),
}).unknown();

const eventAnswer = Joi.object({
  id: Joi.number().integer().required(),
  webhook_id: Joi.number().integer().required(),
  job_id: Joi.number().integer().allow(null).required().description("The event's attribute `job_id`"),
  company_name: Joi.string().allow("", null).required().description("The event's attribute `company_name`"),
  triggered_at: timeAnswer().required(),
  status: Joi.string()
    .valid(...STATUSES)
    .required(),
  payload: Joi.object().unknown().required(),
}).id("TheirstackWebhookEvent");

/** A webhook's events, and the types there are. */
export function eventRoutes(context: ApiContext): Route[] {
  return [listEventsRoute(context), listEventTypesRoute(context)];
}

function listEventsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${WEBHOOKS}/{webhook_id}/events`,
    operationId: "theirstackListEvents",
    summary: "List a webhook's events, newest first",
    tag: EVENTS_TAG,
    scope: "deliveries:read",
    input: { params: webhookParams, query: eventsQuery },
    answers: { 200: { description: "The events", schema: Joi.array().items(eventAnswer) } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: number }, query: { status, offset, limit } }) {
      const { id: webhookId } = await getWebhookByNumber(context, { organizationId, number });
      const filter = { organizationId, webhookId, offset, limit, ...(status && { shownStates: statesOf(status) }) };
      const records = withPayloads(context, { organizationId, items: await listRecords(context, filter) });
      return { status: 200, body: await bodyOfPieces(listPieces(records, { toJson: eventJson })) };
    },
  });
}

function listEventTypesRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${WEBHOOKS}/event-types`,
    operationId: "theirstackListEventTypes",
    summary: "List the event types that were published lately, and those of the contract",
    tag: EVENTS_TAG,
    scope: "events:read",
    input: {},
    answers: { 200: { description: "The types", schema: Joi.array().items(Joi.string()) } },
    refusals: [],
    async handle({ caller: { organizationId } }) {
      const types = new Set([...OWN_EVENT_TYPES, ...(await listEventTypes(context, { organizationId }))]);
      return { status: 200, body: [...types].toSorted() };
    },
  });
}

/** The payload stands in it byte for byte, so that numbers no double can hold survive. */
function eventJson(record: DeliveryRecord): string {
  const { job_id: jobId, company_name: companyName } = record.attributes;
  const head = JSON.stringify({
    id: record.number,
    webhook_id: record.webhookNumber,
    job_id: jobId !== undefined && /^\d{1,15}$/.test(jobId) ? Number(jobId) : null,
    company_name: companyName ?? null,
    triggered_at: formatTime(record.createdAt),
    status: toStatus(shownStateOf(record)),
  });
  return `${head.slice(0, -1)},"payload":${record.payload}}`;
}

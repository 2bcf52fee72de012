import { followEvent, followEvents } from "@homing/core/events/progress";
import { withPayloads } from "@homing/core/events/payloads";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { bodyOfPieces, listPieces } from "../../pieces.js";
import { type Route, route } from "../../route.js";
import { eventNotFound } from "./errors.js";
import {
  EVENT_STATUSES,
  eventAnswer,
  eventJson,
  type EventStatus,
  eventStatusAnswer,
  eventStatusBody,
  PROGRESS_OF,
} from "./event-bodies.js";
import { eventIdText, toEventId } from "./ids.js";
import { limit } from "./limit.js";
import { TAG } from "./tag.js";

const params = Joi.object<{ eventId: string }>({ eventId: eventIdText().required() });

const eventsQuery = Joi.object<{ status?: EventStatus; limit: number }>({
  status: Joi.string().valid(...EVENT_STATUSES),
  limit: limit(),
}).unknown();

const eventsAnswer = Joi.object({
  total: Joi.number().integer().required().description("Those that match, on this page or not"),
  events: Joi.array().items(eventAnswer).required(),
});

/** Looking at events and what came of them. */
export function eventRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/webhooks/events",
      operationId: "baanxListEvents",
      summary: "List events, newest first",
      tag: TAG,
      scope: "events:read",
      input: { query: eventsQuery },
      answers: { 200: { description: "The newest events", schema: eventsAnswer } },
      refusals: [],
      async handle({ caller: { organizationId }, query }) {
        const progress = query.status === undefined ? null : PROGRESS_OF[query.status];
        const { total, events: items } = await followEvents(context, { organizationId, progress, limit: query.limit });
        const edges = { before: `{"total":${total},"events":[`, after: "]}" };
        const pieces = listPieces(withPayloads(context, { organizationId, items }), { toJson: eventJson, ...edges });
        return { status: 200, body: await bodyOfPieces(pieces) };
      },
    }),
    route({
      method: "GET",
      path: "/v1/webhooks/events/{eventId}/status",
      operationId: "baanxGetEventStatus",
      summary: "Get how far an event has come",
      tag: TAG,
      scope: "events:read",
      input: { params },
      answers: { 200: { description: "The event's status", schema: eventStatusAnswer } },
      refusals: ["not_found"],
      async handle({ caller: { organizationId }, params: { eventId } }) {
        const event = await followEvent(context, { organizationId, eventId: toEventId(eventId) });
        if (event === null) throw eventNotFound();
        return { status: 200, body: eventStatusBody(event) };
      },
    }),
  ];
}

import { listDeliveries } from "@homing/core/deliveries/read";
import { DomainError } from "@homing/core/errors";
import type { Event } from "@homing/core/events/event";
import { findEvent, listEvents } from "@homing/core/events/read";
import type { Caller } from "@homing/core/organizations/api-keys";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { deliveryAnswer, deliveryBody } from "./delivery-bodies.js";
import { eventAnswer, eventJson, eventSummaryAnswer, eventSummaryBody } from "./event-bodies.js";
import { pageBody, toPageRequest } from "./page.js";
import { eventId, eventType, type PageQuery, pageOf, pageQuery } from "./schemas.js";

const TAG = "Events";
const params = Joi.object<{ event_id: string }>({ event_id: eventId().required() });

/** Reading what was published. */
export function eventRoutes(context: ApiContext): Route[] {
  const { cursors } = context;

  return [
    route({
      method: "GET",
      path: "/v1/events",
      operationId: "listEvents",
      summary: "List events without their payloads, newest first",
      tag: TAG,
      scope: "events:read",
      input: { query: Joi.object<PageQuery & { type?: string }>({ ...pageQuery, type: eventType() }) },
      answers: { 200: { description: "A page of events", schema: pageOf(eventSummaryAnswer) } },
      refusals: [],
      async handle({ caller, query }) {
        const place = { list: "events", organizationId: caller.organizationId };
        const page = await listEvents(context, { ...toPageRequest(cursors, place, query), type: query.type ?? null });
        return { status: 200, body: pageBody(cursors, place, page, eventSummaryBody) };
      },
    }),
    route({
      method: "GET",
      path: "/v1/events/{event_id}",
      operationId: "getEvent",
      summary: "Get an event",
      tag: TAG,
      scope: "events:read",
      isHeldToWebhook: true,
      input: { params },
      answers: { 200: { description: "The event", schema: eventAnswer } },
      refusals: ["not_found"],
      async handle({ caller, params: { event_id } }) {
        return { status: 200, body: Buffer.from(eventJson(await requireEvent(context, caller, event_id))) };
      },
    }),
    route({
      method: "GET",
      path: "/v1/events/{event_id}/deliveries",
      operationId: "listEventDeliveries",
      summary: "List the deliveries of an event, newest first",
      tag: TAG,
      scope: "deliveries:read",
      isHeldToWebhook: true,
      input: { params, query: Joi.object<PageQuery>(pageQuery) },
      answers: { 200: { description: "A page of deliveries", schema: pageOf(deliveryAnswer) } },
      refusals: ["not_found"],
      async handle({ caller, params: { event_id }, query }) {
        const place = { list: `events/${event_id}/deliveries`, organizationId: caller.organizationId };
        const request = toPageRequest(cursors, place, query);
        await requireEvent(context, caller, event_id);
        const heldTo = caller.webhookId === null ? {} : { heldTo: caller.webhookId };
        const page = await listDeliveries(context, { ...request, filter: { eventId: event_id, ...heldTo } });
        return { status: 200, body: pageBody(cursors, place, page, deliveryBody) };
      },
    }),
  ];
}

async function requireEvent(context: ApiContext, { organizationId, webhookId }: Caller, id: string): Promise<Event> {
  const event = await findEvent(context, { organizationId, eventId: id, heldTo: webhookId });
  if (event === null) throw new DomainError("not_found", "there is no such event");
  return event;
}

import { DELIVERY_STATES, type DeliveryState } from "@homing/core/deliveries/delivery";
import { listAttempts, listDeliveries } from "@homing/core/deliveries/read";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { attemptAnswer, attemptBody, deliveryAnswer, deliveryBody } from "./delivery-bodies.js";
import { pageBody, toPageRequest } from "./page.js";
import { deliveryNotFound, requireDelivery } from "./require-delivery.js";
import { eventId, eventType, type PageQuery, pageOf, pageQuery, time, uuid } from "./schemas.js";

const TAG = "Deliveries";
const params = Joi.object<{ delivery_id: string }>({ delivery_id: uuid().required() });

interface DeliveriesQuery extends PageQuery {
  state?: DeliveryState;
  webhook_id?: string;
  event_id?: string;
  event_type?: string;
  since?: string;
  until?: string;
}

const deliveriesQuery = Joi.object<DeliveriesQuery>({
  ...pageQuery,
  state: Joi.string().valid(...DELIVERY_STATES),
  webhook_id: uuid(),
  event_id: eventId(),
  event_type: eventType(),
  since: time().description("Made at this time or later"),
  until: time().description("Made before this time"),
});

/** Looking at deliveries and their attempts. */
export function deliveryRoutes(context: ApiContext): Route[] {
  return [listDeliveriesRoute(context), getDeliveryRoute(context), listAttemptsRoute(context)];
}

function listDeliveriesRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/deliveries",
    operationId: "listDeliveries",
    summary: "List deliveries, newest first",
    tag: TAG,
    scope: "deliveries:read",
    isHeldToWebhook: true,
    input: { query: deliveriesQuery },
    answers: { 200: { description: "A page of deliveries", schema: pageOf(deliveryAnswer) } },
    refusals: [],
    async handle({ caller, query }) {
      const place = { list: "deliveries", organizationId: caller.organizationId };
      const page = await listDeliveries(context, {
        ...toPageRequest(context.cursors, place, query),
        filter: { ...toFilter(query), ...(caller.webhookId !== null && { heldTo: caller.webhookId }) },
      });
      return { status: 200, body: pageBody(context.cursors, place, page, deliveryBody) };
    },
  });
}

function getDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/deliveries/{delivery_id}",
    operationId: "getDelivery",
    summary: "Get a delivery",
    tag: TAG,
    scope: "deliveries:read",
    input: { params },
    answers: { 200: { description: "The delivery", schema: deliveryAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { delivery_id: deliveryId } }) {
      return { status: 200, body: deliveryBody(await requireDelivery(context, { organizationId, deliveryId })) };
    },
  });
}

function listAttemptsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/deliveries/{delivery_id}/attempts",
    operationId: "listAttempts",
    summary: "List the attempts of a delivery, first to last",
    tag: TAG,
    scope: "deliveries:read",
    input: { params, query: Joi.object<PageQuery>(pageQuery) },
    answers: { 200: { description: "A page of attempts", schema: pageOf(attemptAnswer) } },
    refusals: ["not_found"],
    async handle({ caller, params: { delivery_id }, query }) {
      const place = { list: `deliveries/${delivery_id}/attempts`, organizationId: caller.organizationId };
      const request = { ...toPageRequest(context.cursors, place, query), deliveryId: delivery_id };
      const page = await listAttempts(context, request);
      if (page === null) throw deliveryNotFound();
      return { status: 200, body: pageBody(context.cursors, place, page, attemptBody) };
    },
  });
}

function toFilter({ state, webhook_id, event_id, event_type, since, until }: DeliveriesQuery) {
  return {
    ...(state && { state }),
    ...(webhook_id && { webhookId: webhook_id }),
    ...(event_id && { eventId: event_id }),
    ...(event_type && { eventType: event_type }),
    ...(since && { since: new Date(since) }),
    ...(until && { until: new Date(until) }),
  };
}

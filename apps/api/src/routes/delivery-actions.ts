import { cancelDelivery } from "@homing/core/deliveries/cancel";
import { DomainError } from "@homing/core/errors";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { deliveryAnswer, deliveryBody } from "./delivery-bodies.js";
import { deliveryNotFound, requireDelivery } from "./require-delivery.js";
import { uuid } from "./schemas.js";

const TAG = "Deliveries";
const params = Joi.object<{ delivery_id: string }>({ delivery_id: uuid().required() });

/** Changing the course of deliveries. */
export function deliveryActionRoutes(context: ApiContext): Route[] {
  return [retryDeliveryRoute(context), cancelDeliveryRoute(context)];
}

function retryDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/deliveries/{delivery_id}/retry",
    operationId: "retryDelivery",
    summary: "Send a delivery again, as the same record",
    description:
      "Opens a new series on the delivery, whatever came of it before, and pulls a scheduled retry forward. A delivery that is " +
      "queued already or being sent answers the same and gets no second attempt.",
    tag: TAG,
    scope: "deliveries:retry",
    input: { params },
    answers: { 202: { description: "An attempt is due now or under way", schema: deliveryAnswer } },
    refusals: ["not_found", "webhook_disabled", "webhook_archived", "unavailable"],
    async handle({ caller, params: { delivery_id }, receivedAtMs }) {
      const name = { organizationId: caller.organizationId, deliveryId: delivery_id };
      const retry = await context.retry.add({ ...name, receivedAtMs });
      switch (retry.outcome) {
        case "queued":
        case "in_flight":
          return { status: 202, body: deliveryBody(await requireDelivery(context, name)) };
        case "not_found":
          throw deliveryNotFound();
        case "webhook_inactive":
          throw new DomainError(`webhook_${retry.webhookState}`, `the delivery's webhook is ${retry.webhookState}`);
        default:
          return retry satisfies never;
      }
    },
  });
}

function cancelDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/deliveries/{delivery_id}/cancel",
    operationId: "cancelDelivery",
    summary: "Call off a delivery that has not been sent",
    tag: TAG,
    scope: "deliveries:retry",
    input: { params },
    answers: { 202: { description: "It will not be sent", schema: deliveryAnswer } },
    refusals: ["not_found", "delivery_in_flight", "delivery_finished"],
    async handle({ caller, params: { delivery_id } }) {
      const name = { organizationId: caller.organizationId, deliveryId: delivery_id };
      const cancel = await cancelDelivery(context, name);
      switch (cancel.outcome) {
        case "cancelled":
          return { status: 202, body: deliveryBody(await requireDelivery(context, name)) };
        case "not_found":
          throw deliveryNotFound();
        case "in_flight":
          throw new DomainError("delivery_in_flight", "the delivery is being sent");
        case "finished":
          throw new DomainError("delivery_finished", `the delivery is ${cancel.state} already`);
        default:
          return cancel satisfies never;
      }
    },
  });
}

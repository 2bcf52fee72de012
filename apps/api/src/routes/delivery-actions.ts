import { cancelDelivery } from "@homing/core/deliveries/cancel";
import { RETRYABLE_STATES } from "@homing/core/deliveries/retry";
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
    asksForSending: true,
    answers: { 202: { description: "An attempt is due now or under way", schema: deliveryAnswer } },
    refusals: ["not_found", "webhook_disabled", "webhook_archived", "quota_exhausted", "unavailable"],
    async handle({ caller, params: { delivery_id }, receivedAtMs, actor }) {
      const name = { organizationId: caller.organizationId, deliveryId: delivery_id };
      const { organizationId } = caller;
      const request = {
        organizationId,
        deliveryIds: [delivery_id],
        states: RETRYABLE_STATES,
        receivedAtMs,
        actor: actor(),
      };
      const [retried] = await context.retry.add(request);
      if (retried === undefined) throw deliveryNotFound();
      const { outcome } = retried;
      switch (outcome) {
        case "opened":
        case "queued_already":
        case "in_flight":
          return { status: 202, body: deliveryBody(await requireDelivery(context, name)) };
        case "webhook_disabled":
        case "webhook_archived":
          throw new DomainError(outcome, "the delivery's webhook is not active");
        case "quota_exhausted":
          throw new DomainError("quota_exhausted", "the organization's quota of deliveries is used up");
        case "not_found":
        case "not_opened":
        case "ineligible":
          throw deliveryNotFound();
        default:
          return outcome satisfies never;
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
    async handle({ caller, params: { delivery_id }, actor }) {
      const name = { organizationId: caller.organizationId, deliveryId: delivery_id };
      const cancel = await cancelDelivery({ ...context, actor: actor() }, name);
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

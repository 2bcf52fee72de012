import type { DeliveryRecord } from "@homing/core/deliveries/records";
import { replayDelivery } from "@homing/core/deliveries/replay";
import type { RetryableState } from "@homing/core/deliveries/retry";
import { DomainError } from "@homing/core/errors";
import type { ApiContext } from "../../api-context.js";
import type { ProblemCode } from "../../problem.js";
import { type Route, route } from "../../route.js";
import { DELIVERIES, DELIVERIES_TAG, requireRecord } from "./deliveries.js";
import { deliveryAnswer, deliveryJson, statusOf } from "./delivery-body.js";
import { answerJson, envelopeOf } from "./envelope.js";
import { deliveryNotFound, idParams, requireDeliveryId } from "./ids.js";

const RETRIED_STATES: readonly RetryableState[] = ["failed", "retrying"];
const INACTIVE: readonly ProblemCode[] = ["not_found", "webhook_disabled", "webhook_archived", "quota_exhausted"];

/** Sending deliveries again. */
export function deliveryActionRoutes(context: ApiContext): Route[] {
  return [retryDeliveryRoute(context), replayDeliveryRoute(context)];
}

function retryDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${DELIVERIES}/{id}/retry`,
    operationId: "b3osRetryDelivery",
    summary: "Retry a failed delivery by requeueing the same record",
    description: "Also pulls a scheduled retry forward. A body is ignored.",
    tag: DELIVERIES_TAG,
    scope: "deliveries:retry",
    input: { params: idParams },
    asksForSending: true,
    answers: { 200: { description: "The delivery, queued", schema: envelopeOf(deliveryAnswer) } },
    refusals: [...INACTIVE, "delivery_in_flight", "delivery_finished"],
    async handle({ caller: { organizationId }, params, receivedAtMs, requestId, actor }) {
      const deliveryId = requireDeliveryId(params.id);
      const request = {
        organizationId,
        deliveryIds: [deliveryId],
        states: RETRIED_STATES,
        receivedAtMs,
        actor: actor(),
      };
      const [retried] = await context.retry.add(request);
      const outcome = retried?.outcome ?? "not_found";
      switch (outcome) {
        case "opened":
          return answerJson(requestId, deliveryJson(await requireRecord(context, { organizationId, deliveryId })));
        case "queued_already":
        case "in_flight":
          throw stillPending(deliveryId);
        case "ineligible":
          throw notRetryable(await requireRecord(context, { organizationId, deliveryId }));
        case "webhook_disabled":
        case "webhook_archived":
        case "quota_exhausted":
          throw inactive(outcome);
        case "not_found":
        case "not_opened":
          throw deliveryNotFound();
        default:
          return outcome satisfies never;
      }
    },
  });
}

function replayDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${DELIVERIES}/{id}/replay`,
    operationId: "b3osReplayDelivery",
    summary: "Send a delivery's event again as a new delivery record",
    description: "From any status; the delivery itself stays as it is. A body is ignored.",
    tag: DELIVERIES_TAG,
    scope: "deliveries:retry",
    input: { params: idParams },
    asksForSending: true,
    answers: { 200: { description: "The new delivery, queued", schema: envelopeOf(deliveryAnswer) } },
    refusals: INACTIVE,
    async handle({ caller: { organizationId }, params, requestId, actor }) {
      const original = { organizationId, deliveryId: requireDeliveryId(params.id) };
      const replayed = await replayDelivery({ ...context, actor: actor() }, original);
      switch (replayed.outcome) {
        case "queued": {
          const { deliveryId } = replayed;
          return answerJson(requestId, deliveryJson(await requireRecord(context, { organizationId, deliveryId })));
        }
        case "not_found":
          throw deliveryNotFound();
        case "webhook_disabled":
        case "webhook_archived":
        case "quota_exhausted":
          throw inactive(replayed.outcome);
        default:
          return replayed satisfies never;
      }
    },
  });
}

function stillPending(deliveryId: string): DomainError {
  return new DomainError(
    "delivery_in_flight",
    `The delivery is pending: it is sent without a retry. ${hint(deliveryId)}`,
  );
}

function notRetryable(record: DeliveryRecord): DomainError {
  if (statusOf(record) === "pending") return stillPending(record.id);
  const state = record.state === "succeeded" ? "succeeded" : "was cancelled";
  return new DomainError("delivery_finished", `The delivery ${state}: there is nothing to retry. ${hint(record.id)}`);
}

function hint(deliveryId: string): string {
  return `To send it once more as a new delivery: POST ${DELIVERIES}/${deliveryId}/replay`;
}

function inactive(code: "webhook_disabled" | "webhook_archived" | "quota_exhausted"): DomainError {
  switch (code) {
    case "webhook_disabled":
      return new DomainError(code, "The delivery's endpoint is disabled.");
    case "webhook_archived":
      return new DomainError(code, "The delivery's endpoint does not exist any more.");
    case "quota_exhausted":
      return new DomainError(code, "The organization's quota of deliveries is used up.");
    default:
      return code satisfies never;
  }
}

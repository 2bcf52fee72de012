import { RETRYABLE_STATES, type RetriedDelivery } from "@homing/core/deliveries/retry";
import { waitForAttempt } from "@homing/core/deliveries/wait-for-attempt";
import { DomainError } from "@homing/core/errors";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { deliveryAnswer, deliveryJson } from "./delivery-body.js";
import { params, TAG } from "./paths.js";
import { deliveryNotFound, requireRecord } from "./require-record.js";

/** Sends the same record again and answers once the worker has made the attempt, whatever came of it. */
export function retryRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/webhook_deliveries/{delivery_id}/retry",
    operationId: "kallimaRetryDelivery",
    summary: "Retry a delivery",
    description:
      "Waits for the attempt, at most the webhook's deadline and two seconds more. A receiver that fails is an answer 200, too: the record says so.",
    tag: TAG,
    scope: "deliveries:retry",
    input: { params },
    asksForSending: true,
    answers: { 200: { description: "The delivery after the attempt", schema: deliveryAnswer } },
    refusals: ["not_found", "delivery_in_flight", "webhook_disabled", "webhook_archived", "quota_exhausted"],
    async handle({ caller: { organizationId }, params: { delivery_id: deliveryId }, receivedAtMs, clientGone, actor }) {
      const request = {
        organizationId,
        deliveryIds: [deliveryId],
        states: RETRYABLE_STATES,
        receivedAtMs,
        actor: actor(),
      };
      const [retried] = await context.retry.add(request);
      assertUnderWay(retried);
      await waitForAttempt(context, { deliveryId, signal: clientGone() });
      const record = await requireRecord(context, { organizationId, deliveryId });
      return { status: 200, body: Buffer.from(deliveryJson(record)) };
    },
  });
}

/** @throws DomainError unless this request opened the attempt or the delivery waits for its very first, which then is the answer */
function assertUnderWay(retried: RetriedDelivery | undefined): void {
  if (retried === undefined) throw deliveryNotFound();
  switch (retried.outcome) {
    case "opened":
      return;
    case "queued_already":
      if (retried.series !== 1) throw inFlight();
      return;
    case "in_flight":
      throw inFlight();
    case "webhook_disabled":
      throw new DomainError("webhook_disabled", "the delivery's webhook is disabled");
    case "webhook_archived":
      throw new DomainError("webhook_archived", "the delivery's webhook was deleted");
    case "quota_exhausted":
      throw new DomainError("quota_exhausted", "the organization's quota of deliveries is used up");
    case "not_found":
      throw deliveryNotFound();
    // Every state was asked for, and no other delivery is in the request.
    case "ineligible":
    case "not_opened":
      throw new Error(`a retry of one delivery from any state came to ${retried.outcome}`);
    default:
      return retried.outcome satisfies never;
  }
}

function inFlight(): DomainError {
  return new DomainError("delivery_in_flight", "the delivery is being sent; wait for its outcome");
}

import { findDeliveriesByNumber } from "@homing/core/deliveries/find-by-number";
import type { RetriedDelivery, RetryableState, RetryOutcome } from "@homing/core/deliveries/retry";
import { DomainError } from "@homing/core/errors";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { EVENTS_TAG } from "./events.js";
import { numberId } from "./schemas.js";
import { WEBHOOKS } from "./webhooks.js";

const IDS_MAX = 500;
/** What is shown as FAILED or NOT_TRIGGERED. */
const RETRIED_STATES: readonly RetryableState[] = ["failed", "retrying", "skipped", "cancelled"];

const retryInput = Joi.object<{ webhook_event_ids: number[] }>({
  webhook_event_ids: Joi.array().items(numberId()).max(IDS_MAX).required(),
})
  .unknown()
  .id("TheirstackRetryInput");

/** Sends webhook events again: to Homing, deliveries named by their numbers. */
export function retryEventsRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${WEBHOOKS}/events/retry`,
    operationId: "theirstackRetryEvents",
    summary: "Retry webhook events",
    description:
      "All or none: nothing is queued when one of them is unknown, its webhook not active or the quota used up. What succeeded or is " +
      "under way is passed over; a scheduled retry is pulled forward.",
    tag: EVENTS_TAG,
    scope: "deliveries:retry",
    input: { body: retryInput },
    asksForSending: true,
    answers: { 200: { description: "Queued", schema: Joi.valid(null) } },
    refusals: ["not_found", "webhook_disabled", "webhook_archived", "quota_exhausted"],
    async handle({ caller: { organizationId }, body, receivedAtMs, actor }) {
      const numbers = [...new Set(body.webhook_event_ids)];
      const found = await findDeliveriesByNumber(context, { organizationId, numbers });
      const unknown = numbers.filter((number) => !found.has(number));
      if (unknown.length > 0) throw new DomainError("not_found", `Unknown webhook events: ${unknown.join(", ")}.`);
      const deliveryIds = [...found.values()];
      const request = { organizationId, deliveryIds, states: RETRIED_STATES, receivedAtMs, actor: actor() };
      refuseBlocked(deliveryIds.length === 0 ? [] : await context.retry.add(request), found);
      return { status: 200, body: null };
    },
  });
}

/** @throws DomainError for the first reason for which nothing was queued, naming the events it is true of */
function refuseBlocked(retried: readonly RetriedDelivery[], found: ReadonlyMap<number, string>): void {
  const numbers = new Map([...found].map(([number, id]) => [id, number]));
  const named = (wanted: RetryOutcome): string =>
    retried
      .flatMap(({ deliveryId, outcome }) => (outcome === wanted ? (numbers.get(deliveryId) ?? []) : []))
      .join(", ");
  const refuse = (outcome: keyof typeof REASONS): void => {
    const events = named(outcome);
    if (events !== "") throw new DomainError(outcome, `${REASONS[outcome]}: ${events}.`);
  };
  refuse("not_found");
  refuse("webhook_archived");
  refuse("webhook_disabled");
  refuse("quota_exhausted");
}

const REASONS = {
  not_found: "Unknown webhook events",
  webhook_archived: "The webhook is archived of the webhook events",
  webhook_disabled: "The webhook is disabled of the webhook events",
  quota_exhausted: "The quota of deliveries does not allow to send the webhook events",
} as const satisfies Partial<Record<RetryOutcome, string>>;

import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { type PublishOutcome, publishEvents } from "../events/publish.js";
import { EVENT_TYPE, isOwnType } from "./match.js";
import { getWebhook } from "./read.js";
import type { Webhook, WebhookName } from "./webhook.js";

export const TEST_EVENT_TYPE = "webhook.test";

/** The type of a test of a webhook: the first that it names in full and that is not Homing's own, or `webhook.test`. */
export function testTypeOf({ eventTypes }: Pick<Webhook, "eventTypes">): string {
  return eventTypes.find((pattern) => EVENT_TYPE.test(pattern) && !isOwnType(pattern)) ?? TEST_EVENT_TYPE;
}

/**
 * Publishes a test event to one webhook alone, whatever its patterns; it is delivered, recorded and retried like any other.
 * @returns the event's UUID
 * @throws DomainError `not_found`, `webhook_disabled` or `webhook_archived`
 */
export async function sendTestEvent(
  context: Pick<Context, "db" | "sealer" | "enqueue" | "log">,
  { organizationId, webhookId }: WebhookName,
): Promise<string> {
  const webhook = await getWebhook(context, { organizationId, webhookId });
  if (webhook.state !== "enabled") throw new DomainError(`webhook_${webhook.state}`, `the webhook is ${webhook.state}`);
  const payload = JSON.stringify({
    type: TEST_EVENT_TYPE,
    webhook_id: webhookId,
    message: "A test event from Homing.",
  });
  const events = [{ type: TEST_EVENT_TYPE, payload, webhookIds: [webhookId] }];
  const [outcome] = await publishEvents(context, [{ organizationId, events }]);
  return publishedId(outcome);
}

function publishedId(outcome: PublishOutcome | undefined): string {
  const published = outcome?.outcome === "published" ? outcome.events[0] : undefined;
  if (published) return published.id;
  throw new DomainError("webhook_archived", "the webhook is archived");
}

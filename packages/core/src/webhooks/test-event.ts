import type { Acting } from "../audit-log/actor.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { EVENT_TYPE, isOwnType } from "./match.js";
import { publishTest } from "./publish-test.js";
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
  context: Pick<Context, "db" | "sealer" | "enqueue" | "log"> & Acting,
  { organizationId, webhookId }: WebhookName,
): Promise<string> {
  const webhook = await getWebhook(context, { organizationId, webhookId });
  if (webhook.state !== "enabled") throw new DomainError(`webhook_${webhook.state}`, `the webhook is ${webhook.state}`);
  const payload = JSON.stringify({
    type: TEST_EVENT_TYPE,
    webhook_id: webhookId,
    message: "A test event from Homing.",
  });
  return publishTest(context, { organizationId, webhookId, event: { type: TEST_EVENT_TYPE, payload } });
}

import type { Acting } from "../audit-log/actor.js";
import type { Context } from "../context.js";
import { cancelDelivery } from "../deliveries/cancel.js";
import { listDeliveries } from "../deliveries/read.js";
import { type DeliveryRecord, findRecord } from "../deliveries/records.js";
import { waitForAttempt } from "../deliveries/wait-for-attempt.js";
import { DomainError } from "../errors.js";
import type { RetryPolicy } from "../retry-schedule.js";
import { createWebhook } from "./create.js";
import { publishTest, type TestEvent, type TestToPublish } from "./publish-test.js";
import { getWebhook } from "./read.js";
import { archiveWebhook } from "./state.js";
import type { WebhookSettings } from "./webhook.js";

export type TestContext = Pick<Context, "db" | "sealer" | "checkUrl" | "enqueue" | "log"> & Acting;

const ONCE: RetryPolicy = { delaysSeconds: [], jitter: 0, finalStatuses: [] };

/**
 * Sends one test event to an enabled webhook alone, whatever its patterns, and waits for what the worker makes of it. A test is one
 * attempt: what is left of its schedule is called off.
 * @returns the delivery as it stands after the attempt, or without one when no worker came to it in time
 * @throws DomainError `not_found`, `webhook_disabled`, `webhook_archived` or `quota_exhausted`
 */
export async function testOnce(
  context: TestContext,
  { organizationId, webhookId, event, tested }: TestToPublish,
): Promise<DeliveryRecord> {
  const { state } = await getWebhook(context, { organizationId, webhookId });
  if (state !== "enabled") throw new DomainError(`webhook_${state}`, `the webhook is ${state}`);
  const eventId = await publishTest(context, { organizationId, webhookId, event, ...(tested && { tested }) });
  const { items } = await listDeliveries(context, { organizationId, limit: 1, after: null, filter: { eventId } });
  const [delivery] = items;
  if (delivery === undefined) throw new Error("a test event has no delivery");
  if (delivery.state === "skipped") {
    throw new DomainError("quota_exhausted", "the organization's quota of deliveries is used up");
  }
  await waitForAttempt(context, { deliveryId: delivery.id });
  const record = await findRecord(context, { organizationId, deliveryId: delivery.id });
  if (record === null) throw new Error("a test's delivery is gone");
  await cancelDelivery(context, { organizationId, deliveryId: delivery.id });
  return record;
}

/**
 * Sends one test event to a URL that is no webhook's: one is made for it that is on no list and matched by no event, and archived as
 * soon as the test is over.
 * @throws DomainError `validation_error` when the URL may not be called, or `quota_exhausted`
 */
export async function testUrl(
  context: TestContext,
  { organizationId, settings, secret, event, ofWebhookId }: UrlTest,
): Promise<DeliveryRecord> {
  const { webhook } = await createWebhook(context, {
    organizationId,
    settings: { ...settings, retryPolicy: ONCE },
    isEphemeral: true,
    ...(secret !== undefined && { secret }),
  });
  const name = { organizationId, webhookId: webhook.id };
  try {
    const tested = { webhookId: ofWebhookId ?? webhook.id, url: settings.url };
    return await testOnce(context, { ...name, event, tested });
  } finally {
    await archiveWebhook(context, name);
  }
}

export interface UrlTest {
  organizationId: string;
  settings: Omit<WebhookSettings, "retryPolicy">;
  /** A new one unless given. */
  secret?: string;
  event: TestEvent;
  /** The webhook for which it is made. */
  ofWebhookId?: string;
}

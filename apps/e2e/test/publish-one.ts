import { randomUUID } from "node:crypto";
import type { Client, Delivery, Published, Webhook } from "./client.js";
import { deliveryOf } from "./wait-for-deliveries.js";

/** One event and the one webhook that wants it: made with a type that nothing else uses. */
export interface PublishedOne {
  webhook: Webhook & { secret: string };
  event: Published;
  /** As it was right after publishing. */
  delivery: Delivery;
  type: string;
}

/** Makes a webhook with these settings and publishes one event to it. There are no automatic retries unless the settings say so. */
export async function publishOne(
  client: Client,
  settings: { url: string; [name: string]: unknown },
): Promise<PublishedOne> {
  const type = `order.${randomUUID()}`;
  const webhook = await client.createWebhook({
    event_types: [type],
    retry_policy: { delays_seconds: [] },
    ...settings,
  });
  const event = await client.publish(type, { id: 1 });
  return { webhook, event, delivery: await deliveryOf(client, event.id), type };
}

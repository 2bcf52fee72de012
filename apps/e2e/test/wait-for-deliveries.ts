import { waitFor } from "@homing/local/wait-for";
import type { Client, Delivery } from "./client.js";

const TIMEOUT_MS = 30_000;

/** @throws when the delivery does not get there in time */
export function waitForState(
  client: Client,
  deliveryId: string,
  state: Delivery["state"],
  timeoutMs = TIMEOUT_MS,
): Promise<Delivery> {
  return waitFor(
    async () => {
      const delivery = await client.delivery(deliveryId);
      return delivery.state === state && delivery;
    },
    { what: `delivery ${deliveryId} to be ${state}`, timeoutMs },
  );
}

/**
 * Waits until a webhook has so many deliveries in a state.
 * @returns these, newest first
 */
export function waitForStates(
  client: Client,
  { webhookId, state, count }: { webhookId: string; state: Delivery["state"]; count: number },
  timeoutMs = TIMEOUT_MS,
): Promise<Delivery[]> {
  return waitFor(
    async () => {
      const deliveries = await client.deliveries({ webhook_id: webhookId, state });
      return deliveries.length >= count && deliveries;
    },
    { what: `${count} deliveries of ${webhookId} to be ${state}`, timeoutMs },
  );
}

/** The only delivery of an event, as soon as it is there. */
export async function deliveryOf(client: Client, eventId: string): Promise<Delivery> {
  const [delivery, ...others] = await client.deliveries({ event_id: eventId });
  if (delivery === undefined || others.length > 0) throw new Error(`event ${eventId} has not one delivery`);
  return delivery;
}

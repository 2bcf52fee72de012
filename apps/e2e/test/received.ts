import type { ReceivedRequest } from "@homing/local/test-receiver";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

/** A header of a received request; empty when it did not come. */
export function headerOf({ headers }: ReceivedRequest, name: string): string {
  return [headers[name]].flat().join(", ");
}

/**
 * Verifies a request with both receivers' libraries.
 * @throws WebhookVerificationError when one of them refuses it
 */
export function verifyWithBoth(request: ReceivedRequest, secret: string): void {
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
  const headers = Object.fromEntries(names.map((name) => [name, headerOf(request, name)]));
  new StandardWebhook(secret).verify(request.body, headers);
  new SvixWebhook(secret).verify(request.body, headers);
}

/** Requests in the order they came, under the ids of their events. */
export function byWebhookId(requests: readonly ReceivedRequest[]): Map<string, ReceivedRequest[]> {
  const groups = new Map<string, ReceivedRequest[]>();
  for (const request of requests) {
    const id = headerOf(request, "webhook-id");
    groups.set(id, [...(groups.get(id) ?? []), request]);
  }
  return groups;
}

/** The bodies in the order they came, under the ids of their events. */
export function textsById(requests: readonly ReceivedRequest[]): Map<string, string[]> {
  const groups = [...byWebhookId(requests)];
  return new Map(groups.map(([id, group]) => [id, group.map(({ body }) => body.toString("utf8"))]));
}

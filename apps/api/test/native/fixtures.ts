import { claimDeliveries } from "@homing/core/deliveries/claim";
import { recordAttempts } from "@homing/core/deliveries/record";
import type { SendResult } from "@homing/core/outcome";
import type { NativeApi, Organization } from "./native-api.js";

/** No event, webhook or delivery has this id. */
export const UNKNOWN_ID = "0197f3a0-0000-7000-8000-00000000dead";

export const WELL: SendResult = { outcome: "responded", status: 200, headers: {}, bodyText: "ok", durationMs: 12.4 };
export const BADLY: SendResult = {
  outcome: "responded",
  status: 500,
  headers: { "retry-after": "1" },
  bodyText: "",
  durationMs: 7,
};

/** A webhook as its creation answered. */
export async function makeWebhook(organization: Organization, settings: object = {}): Promise<{ id: string }> {
  const answer = await organization.ask("POST", "/v1/webhooks", { json: { url: "https://a.example/", ...settings } });
  if (answer.status !== 201) throw new Error(`no webhook was made: ${answer.text}`);
  return answer.body;
}

/** The id of a published event, as it was answered. */
export async function publish(organization: Organization, event: object = {}): Promise<string> {
  const json = { type: "invoice.paid", payload: { a: 1 }, ...event };
  const answer = await organization.ask("POST", "/v1/events", { json });
  if (answer.status !== 202) throw new Error(`nothing was published: ${answer.text}`);
  return answer.body.id;
}

/** The ids of an event's deliveries, newest first. */
export async function deliveryIdsOf(organization: Organization, eventId: string): Promise<string[]> {
  const { body } = await organization.ask("GET", `/v1/events/${eventId}/deliveries`);
  return body.data.map(({ id }: { id: string }) => id);
}

/** A webhook, an event for it, and its delivery. */
export async function makeDelivery(
  organization: Organization,
  settings: object = {},
): Promise<{ webhookId: string; eventId: string; deliveryId: string }> {
  const { id: webhookId } = await makeWebhook(organization, settings);
  const eventId = await publish(organization, { webhook_ids: [webhookId] });
  const [deliveryId = ""] = await deliveryIdsOf(organization, eventId);
  return { webhookId, eventId, deliveryId };
}

/** Takes a due delivery as a worker does: it is in flight until `finish`. */
export async function claim(api: NativeApi, deliveryId: string): Promise<(result: SendResult) => Promise<void>> {
  const [claimed] = await claimDeliveries(api, [deliveryId]);
  if (claimed?.outcome !== "claimed") throw new Error(`the delivery is not due: ${claimed?.outcome}`);
  const requestHeaders = { "content-type": "application/json", "x-token": "[redacted]" };
  const recording = { ...api.context, random: () => 0.5 };
  return async (result) => {
    await recordAttempts(recording, [{ claim: claimed.claim, result, requestHeaders, sentAtMs: Date.now() }]);
  };
}

/** One whole attempt of a due delivery. */
export async function attempt(api: NativeApi, deliveryId: string, result: SendResult): Promise<void> {
  const finish = await claim(api, deliveryId);
  await finish(result);
}

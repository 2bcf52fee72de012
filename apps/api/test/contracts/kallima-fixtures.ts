import type { TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import type { Response } from "supertest";
import { deliveryIdsOf, makeWebhook, publish } from "../native/fixtures.js";
import type { ContractAsked } from "./ask.js";
import type { ContractOrganization } from "./contract-api.js";

export const ROOT = "/v1/webhook_deliveries";

/** The seed's own event. */
const EVENT = {
  type: "humanization.completed",
  payload: { id: "dddd1111-...", object: "humanization" },
};

export interface MadeDelivery {
  webhookId: string;
  eventId: string;
  deliveryId: string;
}

/** A webhook as a client of the contract has it, and a delivery for it. */
export async function makeDelivery(
  organization: ContractOrganization,
  receiver: Pick<TestReceiver, "url">,
  { event = {}, ...settings }: { event?: object; [setting: string]: unknown } = {},
): Promise<MadeDelivery> {
  const { id: webhookId } = await makeWebhook(organization, {
    url: receiver.url,
    retry_policy: "kallima",
    signature_formats: ["kallima"],
    ...settings,
  });
  const eventId = await publish(organization, { ...EVENT, webhook_ids: [webhookId], ...event });
  const [deliveryId = ""] = await deliveryIdsOf(organization, eventId);
  return { webhookId, eventId, deliveryId };
}

export function get(organization: ContractOrganization, deliveryId: string): Promise<Response> {
  return organization.ask("GET", `${ROOT}/${deliveryId}`);
}

export function retry(
  organization: ContractOrganization,
  deliveryId: string,
  asked: ContractAsked = {},
): Promise<Response> {
  return organization.ask("POST", `${ROOT}/${deliveryId}/retry`, asked);
}

/** Waits until so many attempts are recorded. */
export async function waitForAttempts(
  organization: ContractOrganization,
  deliveryId: string,
  attempts: number,
): Promise<void> {
  await waitFor(async () => (await get(organization, deliveryId)).body.attempts >= attempts, {
    what: `${attempts} attempts`,
  });
}

/** A delivery whose first attempt is recorded. */
export async function makeSent(...made: Parameters<typeof makeDelivery>): Promise<MadeDelivery> {
  const delivery = await makeDelivery(...made);
  await waitForAttempts(made[0], delivery.deliveryId, 1);
  return delivery;
}

import { parseEventId } from "@homing/core/events/event-id";
import { startReceiver, type ReceiverHandler, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import type { Response } from "supertest";
import { makeWebhook, publish } from "../native/fixtures.js";
import type { ContractAsked } from "./ask.js";
import type { ContractApi, ContractOrganization } from "./contract-api.js";

/** No second attempt on its own, so that every request that comes in was asked for. */
const ONE_ATTEMPT = { retry_policy: "kallima" };

/** Receivers of a test file; close them when it is over. */
export interface Receivers {
  start(handler?: ReceiverHandler): Promise<TestReceiver>;
  closeAll(): Promise<void>;
}

export function createReceivers(): Receivers {
  const started: TestReceiver[] = [];
  return {
    async start(handler) {
      const receiver = await startReceiver(handler);
      started.push(receiver);
      return receiver;
    },
    async closeAll() {
      await Promise.all(started.map((receiver) => receiver.close()));
    },
  };
}

/** A webhook at a receiver; tried once unless the settings say otherwise. */
export async function webhookAt(
  organization: ContractOrganization,
  { url }: Pick<TestReceiver, "url">,
  settings: object = {},
): Promise<string> {
  return (await makeWebhook(organization, { url, ...ONE_ATTEMPT, ...settings })).id;
}

/** Publishes an event; its UUID. */
export async function publishEvent(organization: ContractOrganization, event: object = {}): Promise<string> {
  return parseEventId(await publish(organization, event)) ?? "";
}

export function retry(organization: ContractOrganization, eventId: string, asked?: ContractAsked): Promise<Response> {
  return organization.ask("POST", `/v1/webhooks/events/${eventId}/retry`, asked);
}

/** What a retry for so many webhooks is answered with. */
export function queuedFor(eventId: string, webhookCount: number): object {
  const message = `Event queued for retry to ${webhookCount} webhook(s)`;
  return { success: true, data: { eventId, webhookCount, message } };
}

/** The deliveries of an event, first made first. */
export function deliveriesOf(api: ContractApi, eventId: string) {
  return api.db.delivery.findMany({ where: { eventId }, orderBy: { id: "asc" } });
}

/** Waits until every delivery of an event is succeeded or failed, and there are attempts enough. */
export function waitForAttempts(api: ContractApi, eventId: string, attempts: number) {
  return waitFor(
    async () => {
      const deliveries = await deliveriesOf(api, eventId);
      const made = deliveries.reduce((sum, { attemptsTotal }) => sum + attemptsTotal, 0);
      const isOver = deliveries.every(({ state }) => state === "succeeded" || state === "failed");
      return isOver && made >= attempts ? deliveries : null;
    },
    { what: `${attempts} attempts of the event` },
  );
}

/** An event that one receiver got once, a while ago. */
export async function deliveredEvent(api: ContractApi, organization: ContractOrganization, receiver: TestReceiver) {
  const webhookId = await webhookAt(organization, receiver);
  const eventId = await publishEvent(organization);
  await waitForAttempts(api, eventId, 1);
  return { webhookId, eventId };
}

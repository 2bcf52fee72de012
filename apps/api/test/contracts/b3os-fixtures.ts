import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import type { ContractApi, ContractOrganization } from "./contract-api.js";
import { holdAnswers } from "./hold-answers.js";

export const ENDPOINTS = "/v1/execution-webhooks";
export const DELIVERIES = `${ENDPOINTS}/deliveries`;
export const UNKNOWN_ID = "0197f3a0-0000-7000-8000-00000000dead";

export interface Endpoint {
  id: string;
  signingSecret: string;
}

export interface Delivery {
  id: string;
  status: string;
  retryCount: number;
  [member: string]: unknown;
}

/** An endpoint that is sent nothing but what the tests publish. */
export async function makeEndpoint(
  organization: ContractOrganization,
  url: string,
  more: object = {},
): Promise<Endpoint> {
  const json = { name: "hook", url, subscribedEventTypes: ["run.*"], ...more };
  const { status, text, body } = await organization.ask("POST", ENDPOINTS, { json });
  if (status !== 200) throw new Error(`no endpoint was made: ${text}`);
  return { id: body.data.endpoint.id, signingSecret: body.data.signingSecret };
}

/** Publishes an event and answers the deliveries of it that the endpoint has now. */
export async function publish(
  organization: ContractOrganization,
  endpointId: string,
  event: object = {},
): Promise<string> {
  const json = { type: "run.failed", payload: { run: 1 }, webhook_ids: [endpointId], ...event };
  const { status, text, body } = await organization.ask("POST", "/v1/events", { json });
  if (status !== 202) throw new Error(`nothing was published: ${text}`);
  const { body: page } = await organization.ask("GET", `/v1/events/${body.id}/deliveries`);
  return page.data[0].id;
}

export async function readDelivery(organization: ContractOrganization, id: string): Promise<Delivery> {
  const { body } = await organization.ask("GET", `${DELIVERIES}/${id}`);
  return body.data;
}

/** Waits until the contract shows a delivery with this status. */
export function waitForStatus(organization: ContractOrganization, id: string, status: string): Promise<Delivery> {
  return waitFor(
    async () => {
      const delivery = await readDelivery(organization, id);
      return delivery.status === status ? delivery : null;
    },
    { what: `delivery ${id} to be ${status}` },
  );
}

/** A receiver that holds its answers back until it is told to give them. */
export async function startSlowReceiver(): Promise<TestReceiver & { release(): void }> {
  const receiver = await startReceiver();
  return { ...receiver, release: holdAnswers(receiver) };
}

/** Makes deliveries in each state, on receivers of their own. */
export interface Situations {
  /** Answers whatever status `answer` says. */
  receiver: TestReceiver;
  /** A delivery whose only attempt failed. */
  failed(): Promise<{ endpoint: Endpoint; deliveryId: string }>;
  /** A delivery whose first attempt failed and whose retry is scheduled. */
  retrying(): Promise<{ endpoint: Endpoint; deliveryId: string }>;
  succeeded(): Promise<{ endpoint: Endpoint; deliveryId: string }>;
}

/** Prepares situations of one organization. */
export function createSituations(organization: ContractOrganization, receiver: TestReceiver): Situations {
  async function make(answer: number, status: string, maxRetries: number) {
    receiver.answerWith(() => ({ status: answer, body: `answer ${answer}`, headers: { "x-from": "receiver" } }));
    const endpoint = await makeEndpoint(organization, receiver.url, { maxRetries });
    const deliveryId = await publish(organization, endpoint.id);
    await waitForStatus(organization, deliveryId, status);
    return { endpoint, deliveryId };
  }
  return {
    receiver,
    failed: () => make(500, "failure", 0),
    retrying: () => make(500, "retrying", 5),
    succeeded: () => make(200, "success", 5),
  };
}

/** A delivery that is due while the worker pauses. */
export async function makeDue(
  api: ContractApi,
  organization: ContractOrganization,
  url: string,
): Promise<{ endpoint: Endpoint; deliveryId: string }> {
  api.worker.pause();
  const endpoint = await makeEndpoint(organization, url);
  return { endpoint, deliveryId: await publish(organization, endpoint.id) };
}

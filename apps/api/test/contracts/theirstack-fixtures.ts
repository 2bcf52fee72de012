import { expect } from "@jest/globals";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import type { Response } from "supertest";
import { publish } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

export const RETRY = "/v0/webhooks/events/retry";
/** No webhook and no delivery has this number. */
export const UNKNOWN_NUMBER = 9_007_199_254_740_991;
export const SECRET = "0123456789abcdef";

export interface Theirstack {
  api: ContractApi;
  us: ContractOrganization;
  receiver: TestReceiver;
  stop(): Promise<void>;
}

export async function startTheirstack(): Promise<Theirstack> {
  const api = await startContractApi();
  const receiver = await startReceiver();
  return {
    api,
    us: await api.createOrganization(),
    receiver,
    async stop() {
      await api.stop();
      await receiver.close();
    },
  };
}

export interface MadeWebhook {
  id: number;
  [member: string]: unknown;
}

/** A webhook made through the contract. */
export async function makeWebhook(us: ContractOrganization, input: object): Promise<MadeWebhook> {
  const { status, body } = await us.ask("POST", "/v0/webhooks", { json: { search_id: 123, ...input } });
  expect(status).toBe(200);
  return body;
}

/** Publishes an event; the number of its delivery for this webhook. */
export async function publishTo(us: ContractOrganization, webhook: MadeWebhook, event: object = {}): Promise<number> {
  await publish(us, event);
  const { body } = await us.ask("GET", `/v0/webhooks/${webhook.id}/events`, { query: { limit: 1 } });
  return body[0].id;
}

/** What the contract says of one event of a webhook. */
export async function eventOf(us: ContractOrganization, webhook: MadeWebhook, number: number) {
  const { body } = await us.ask("GET", `/v0/webhooks/${webhook.id}/events`, { query: { limit: 500 } });
  return body.find(({ id }: { id: number }) => id === number);
}

/** Waits until an event has a status. */
export function waitForStatus(us: ContractOrganization, webhook: MadeWebhook, number: number, status: string) {
  return waitFor(
    async () => {
      const event = await eventOf(us, webhook, number);
      return event?.status === status ? event : null;
    },
    { what: `event ${number} to be ${status}` },
  );
}

/** A delivery's row, by its number. */
export function rowOf(api: ContractApi, number: number) {
  return api.db.delivery.findFirstOrThrow({ where: { number } });
}

/** Fails unless an answer is this refusal, in the contract's error shape. */
export function expectError(answer: Response, status: number, code: string): string {
  expect({ status: answer.status, code: answer.body.error?.code }).toEqual({ status, code });
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(Object.keys(answer.body).toSorted()).toEqual(["error", "request_id"]);
  expect(Number.isSafeInteger(answer.body.request_id)).toBe(true);
  expect(answer.body.error).toEqual({ code, title: expect.any(String), description: expect.any(String) });
  return answer.body.error.description;
}

import { randomUUID } from "node:crypto";
import { waitFor } from "@homing/local/wait-for";
import { type Client, eventText } from "./client.js";

const ACCEPTED_MS_MAX = 30_000;
const PUBLISHERS = 4;

/**
 * Publishes so many events as a careful producer does: one that was not answered, or with 503, is sent again under its Idempotency-Key.
 * @param options.onAccepted told after each how many have been accepted; awaited, so it may slow the load down
 * @returns the ids of the events
 * @throws on any answer but 202 and 503
 */
export async function publishSteadily(
  client: Client,
  options: { type: string; count: number; onAccepted?: (accepted: number) => Promise<void> | void },
): Promise<string[]> {
  const { type, count, onAccepted } = options;
  const accepted: string[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: PUBLISHERS }, async () => {
      while (next < count) {
        next += 1;
        accepted.push(await publishUntilAccepted(client, eventText(type, { number: next })));
        await onAccepted?.(accepted.length);
      }
    }),
  );
  return accepted;
}

async function publishUntilAccepted(client: Client, body: string): Promise<string> {
  const headers = { "idempotency-key": randomUUID() };
  const { text } = await waitFor(
    async () => {
      // A connection that was refused or broke off is no answer.
      const answer = await client.ask("POST", "/v1/events", { body, headers }).catch(() => null);
      if (answer !== null && answer.status !== 202 && answer.status !== 503) {
        throw new Error(`an event was answered with ${answer.status}: ${answer.text}`);
      }
      return answer?.status === 202 && answer;
    },
    { what: "an event to be accepted", timeoutMs: ACCEPTED_MS_MAX },
  );
  return JSON.parse(text).id;
}

import { preciseNowMs } from "./clock.js";
import { eventIdsIn } from "./event-ids.js";
import { markedPayload } from "./load.js";

const BATCH_EVENTS_MAX = 500;
const AT_ONCE_MAX = 10;

/** What the runner asks of the API, for one organization. */
export interface ApiClient {
  /** @returns the webhook's id */
  makeWebhook(name: string, settings: WebhookBody): Promise<string>;
  makeWebhooks(names: readonly string[], settings: (name: string) => WebhookBody): Promise<void>;
  change(webhookId: string, what: "disable" | "enable"): Promise<void>;
  /** Publishes so many in batches, in the order of their numbers. @returns their ids */
  publishMany(events: { phase: string; stream: string; type: string; count: number }): Promise<string[]>;
}

/** What the API is told of a webhook besides the events it wants. */
export interface WebhookBody {
  url: string;
  /** Those of its name unless told. */
  event_types?: string[];
  in_flight_max?: number;
  ordering?: "event";
  retry_policy?: { delays_seconds: number[]; jitter: number };
}

export function createApiClient({ url, key }: { url: string; key: string }): ApiClient {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

  async function post(path: string, body: string | null): Promise<string> {
    const response = await fetch(url + path, {
      method: "POST",
      headers,
      ...(body !== null && { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path} was answered with ${response.status}: ${text}`);
    return text;
  }

  async function makeWebhook(name: string, settings: WebhookBody): Promise<string> {
    const body = JSON.stringify({ event_types: [typeOf(name)], ...settings });
    const { id }: { id: string } = JSON.parse(await post("/v1/webhooks", body));
    return id;
  }

  return {
    makeWebhook,
    async makeWebhooks(names, settings) {
      for (let start = 0; start < names.length; start += AT_ONCE_MAX) {
        const some = names.slice(start, start + AT_ONCE_MAX);
        await Promise.all(some.map((name) => makeWebhook(name, settings(name))));
      }
    },
    async change(webhookId, what) {
      await post(`/v1/webhooks/${webhookId}/${what}`, null);
    },
    async publishMany({ phase, stream, type, count }) {
      const ids: string[] = [];
      for (let start = 1; start <= count; start += BATCH_EVENTS_MAX) {
        const length = Math.min(BATCH_EVENTS_MAX, count + 1 - start);
        const events = Array.from({ length }, (_, index) => {
          const payload = markedPayload({ phase, stream, number: start + index, dueAtMs: preciseNowMs() });
          return `{"type":${JSON.stringify(type)},"payload":${payload}}`;
        });
        ids.push(...eventIdsIn(await post("/v1/events/batch", `{"events":[${events.join(",")}]}`)));
      }
      return ids;
    },
  };
}

/** The type of the events that go to the webhook of this name and to no other. */
export function typeOf(name: string): string {
  return `bench.${name}`;
}

/** `well-1`, `well-2` and so on. */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
}

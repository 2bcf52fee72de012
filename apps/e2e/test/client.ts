const PAGE_ITEMS = 200;

export interface Webhook {
  id: string;
  url: string;
  state: "enabled" | "disabled" | "archived";
  disabled_reason: string | null;
  failing_since: string | null;
  circuit: "closed" | "open" | "half_open";
  circuit_openings: number;
}

export interface Published {
  id: string;
  matched_webhooks: number;
  duplicate: boolean;
}

export interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  webhook_id: string;
  state: "pending" | "in_flight" | "succeeded" | "failed" | "held" | "skipped" | "cancelled";
  series: number;
  attempts_in_series: number;
  attempts_total: number;
  next_attempt_at: string | null;
  last_response_status: number | null;
  last_error: string | null;
}

export interface Attempt {
  delivery_id: string;
  series: number;
  number: number;
  trigger: "automatic" | "manual";
  outcome: string;
  response_status: number | null;
  request_headers: Record<string, string>;
  error: string | null;
  created_at: string;
}

/** An answer before anything is made of it. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

export interface Asked {
  /** Sent as JSON; a text or bytes are sent as they are. */
  body?: object | string | Buffer;
  headers?: Record<string, string>;
}

/** The native API as a program of a customer uses it. All but `ask` throw on another status than the good one. */
export interface Client {
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
  /** The same API with another key, or without one. */
  as(key: string | null): Client;
  createWebhook(settings: object): Promise<Webhook & { secret: string }>;
  webhook(id: string): Promise<Webhook>;
  changeWebhook(id: string, changes: object): Promise<Webhook>;
  archiveWebhook(id: string): Promise<void>;
  /** `enable`, `disable`, `rotate_secret`, `test`. */
  act<T>(id: string, action: "enable" | "disable" | "rotate_secret" | "test"): Promise<T>;
  /** @param payload an object, or the JSON text to be kept as it is */
  publish(type: string, payload: object | string): Promise<Published>;
  /** All that the filter finds, newest first. */
  deliveries(filter: Record<string, string>): Promise<Delivery[]>;
  delivery(id: string): Promise<Delivery>;
  attempts(deliveryId: string): Promise<Attempt[]>;
  retry(deliveryId: string): Promise<Delivery>;
  cancel(deliveryId: string): Promise<Delivery>;
}

export function createClient(url: string, key: string | null): Client {
  async function ask(method: string, path: string, { body, headers }: Asked = {}): Promise<Answer> {
    const isRaw = typeof body === "string" || Buffer.isBuffer(body);
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  async function get<T>(status: number, method: string, path: string, asked?: Asked): Promise<T> {
    const answer = await ask(method, path, asked);
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    // Taken at its word: the API's answers are held against their schemas in its own tests.
    return JSON.parse(answer.text === "" ? "null" : answer.text);
  }

  async function all<T>(path: string, filter: Record<string, string>): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ ...filter, limit: String(PAGE_ITEMS), ...(cursor !== null && { cursor }) });
      const page: { data: T[]; next_cursor: string | null } = await get(200, "GET", `${path}?${query.toString()}`);
      items.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  return {
    ask,
    as: (other) => createClient(url, other),
    createWebhook: (body) => get(201, "POST", "/v1/webhooks", { body }),
    webhook: (id) => get(200, "GET", `/v1/webhooks/${id}`),
    changeWebhook: (id, body) => get(200, "PATCH", `/v1/webhooks/${id}`, { body }),
    archiveWebhook: (id) => get(204, "DELETE", `/v1/webhooks/${id}`),
    act: (id, action) => get(action === "test" ? 202 : 200, "POST", `/v1/webhooks/${id}/${action}`),
    publish: (type, payload) => get(202, "POST", "/v1/events", { body: eventText(type, payload) }),
    deliveries: (filter) => all("/v1/deliveries", filter),
    delivery: (id) => get(200, "GET", `/v1/deliveries/${id}`),
    attempts: (id) => all(`/v1/deliveries/${id}/attempts`, {}),
    retry: (id) => get(202, "POST", `/v1/deliveries/${id}/retry`),
    cancel: (id) => get(202, "POST", `/v1/deliveries/${id}/cancel`),
  };
}

/** The body that publishes an event; a payload that is a text stands in it byte for byte. */
export function eventText(type: string, payload: object | string): string {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return `{"type":${JSON.stringify(type)},"payload":${text}}`;
}

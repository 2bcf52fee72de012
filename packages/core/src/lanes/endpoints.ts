import { createEndpoint, type Endpoint } from "./endpoint.js";

/** Remembered while nothing is under way to them. */
const IDLE_MAX = 10_000;

/** The endpoints that one worker process knows, by their webhook. */
export interface Endpoints {
  of(webhookId: string): Endpoint;
  /** Those to which requests are under way. */
  busy(): Endpoint[];
}

export function createEndpoints(): Endpoints {
  const endpoints = new Map<string, Endpoint>();

  /** All at once: it is seldom, and what is forgotten proves itself again with its next answer. */
  function forgetIdle(): void {
    for (const [webhookId, endpoint] of endpoints) {
      if (endpoint.inFlight() === 0 && endpoint.waiting.length === 0) endpoints.delete(webhookId);
    }
  }

  return {
    of(webhookId) {
      const known = endpoints.get(webhookId);
      if (known) return known;
      if (endpoints.size >= IDLE_MAX) forgetIdle();
      const endpoint = createEndpoint();
      endpoints.set(webhookId, endpoint);
      return endpoint;
    },
    busy: () => [...endpoints.values()].filter((endpoint) => endpoint.inFlight() > 0),
  };
}

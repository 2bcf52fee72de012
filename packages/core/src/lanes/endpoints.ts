import { type Acquaintance, createEndpoint, type Endpoint } from "./endpoint.js";

/** Remembered while nothing is under way to them. */
const IDLE_MAX = 10_000;
export const STRANGER: Acquaintance = { organizationId: null, isProven: false, inFlightMax: 10 };

/** The endpoints that one worker process knows, by their webhook. */
export interface Endpoints {
  of(webhookId: string): Endpoint;
  isKnown(webhookId: string): boolean;
  /** Remembers one that was not known. */
  meet(webhookId: string, acquaintance: Acquaintance): void;
  /** Those in the fast lane, so many at most: the ones used last. */
  fast(max: number): string[];
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

  /** Those used last come last. */
  function use(webhookId: string, endpoint: Endpoint): Endpoint {
    endpoints.delete(webhookId);
    endpoints.set(webhookId, endpoint);
    return endpoint;
  }

  function remember(webhookId: string, acquaintance: Acquaintance): Endpoint {
    if (endpoints.size >= IDLE_MAX) forgetIdle();
    const endpoint = createEndpoint(acquaintance);
    return use(webhookId, endpoint);
  }

  return {
    of(webhookId) {
      const known = endpoints.get(webhookId);
      return known ? use(webhookId, known) : remember(webhookId, STRANGER);
    },
    isKnown: (webhookId) => endpoints.has(webhookId),
    meet(webhookId, acquaintance) {
      if (!endpoints.has(webhookId)) remember(webhookId, acquaintance);
    },
    fast(max) {
      const fast = [...endpoints].filter(([, endpoint]) => endpoint.lane() === "fast");
      return fast.slice(-max).map(([webhookId]) => webhookId);
    },
    busy: () => [...endpoints.values()].filter((endpoint) => endpoint.inFlight() > 0),
  };
}

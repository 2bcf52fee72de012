import { type Endpoint, SLOW_MS } from "./endpoint.js";
import { createOrganizationSeats } from "./organization-seats.js";

/** How many requests may stand aside, for each slot of the process. */
const ASIDE_PER_SLOT = 4;

/** The most attempts that a process has under way with so many slots, those that stand aside included. */
export function attemptsMax(slots: number): number {
  return slots + slots * ASIDE_PER_SLOT;
}

/** A request that may go on without its slot. */
interface PatientRequest {
  endpoint: Endpoint;
  giveBackSlot: () => void;
}

/**
 * Requests whose answers take long stand aside: they go on, but no longer take one of the worker's slots. Waiting costs a process a
 * socket and a payload; a slot that waits for a deadline costs other endpoints their turn.
 */
export interface Aside {
  /** The request leaves now, and may stand aside when its time has come. */
  admit(place: symbol, request: PatientRequest): void;
  /** Sends those aside whose time has come, as far as there is room for their organizations. @returns the endpoint of each */
  sweep(): Endpoint[];
  /** Its answer is there: until its attempt is over it stays where it is. */
  stay(place: symbol): void;
  /** Its attempt is over, wherever it stood. */
  leave(place: symbol): void;
}

/** @param options.slots requests that the process makes at once, beside those that stand aside */
export function createAside({ slots, nowMs }: { slots: number; nowMs: () => number }): Aside {
  const asideMax = slots * ASIDE_PER_SLOT;
  const organizations = createOrganizationSeats({ slots: asideMax, nowMs });
  // In the order in which they left.
  const inSlots = new Map<symbol, PatientRequest & { leftAtMs: number }>();
  const aside = new Map<symbol, Endpoint>();

  function isRoomFor({ organizationId }: Endpoint): boolean {
    return aside.size < asideMax && organizations.room(organizationId) > 0;
  }

  function standAside(place: symbol, { endpoint, giveBackSlot }: PatientRequest): void {
    inSlots.delete(place);
    aside.set(place, endpoint);
    organizations.take(endpoint.organizationId);
    endpoint.standAside(place);
    giveBackSlot();
  }

  return {
    admit: (place, request) => inSlots.set(place, { ...request, leftAtMs: nowMs() }),
    sweep() {
      const gone: Endpoint[] = [];
      const leftBeforeMs = nowMs() - SLOW_MS;
      for (const [place, request] of inSlots) {
        if (request.leftAtMs >= leftBeforeMs) break;
        if (!isRoomFor(request.endpoint)) continue;
        standAside(place, request);
        gone.push(request.endpoint);
      }
      return gone;
    },
    stay: (place) => inSlots.delete(place),
    leave(place) {
      const endpoint = aside.get(place);
      if (endpoint !== undefined) organizations.giveBack(endpoint.organizationId);
      aside.delete(place);
      inSlots.delete(place);
    },
  };
}

import type { Endpoint, Lane } from "./endpoint.js";
import { createOrganizationSeats } from "./organization-seats.js";
import { createSlots } from "./slots.js";

/** What a request in a slot takes: one of those of its endpoint's lane, and one of those of its organization. */
export interface Places {
  /** How many an endpoint may still take. */
  room(endpoint: Endpoint): number;
  isOrganizationFull(endpoint: Endpoint): boolean;
  take(endpoint: Endpoint): void;
  giveBack(endpoint: Endpoint): void;
  /** An endpoint changed its lane, and its requests in slots with it. */
  move(endpoint: Endpoint, from: Lane): void;
  /** Slots that endpoints outside the fast lane may still take. */
  freeShared(): number;
}

/** @param options.slots requests that the process makes at once, beside those that stand aside */
export function createPlaces(options: { slots: number; nowMs: () => number }): Places {
  const slots = createSlots(options.slots);
  const organizations = createOrganizationSeats(options);
  return {
    room: (endpoint) => (slots.hasFree(endpoint.lane()) ? organizations.room(endpoint.organizationId) : 0),
    isOrganizationFull: ({ organizationId }) => organizations.room(organizationId) === 0,
    take(endpoint) {
      slots.take(endpoint.lane());
      organizations.take(endpoint.organizationId);
    },
    giveBack(endpoint) {
      slots.giveBack(endpoint.lane());
      organizations.giveBack(endpoint.organizationId);
    },
    move(endpoint, from) {
      slots.move(endpoint.inSlots(), { from, to: endpoint.lane() });
    },
    freeShared: () => slots.freeShared(),
  };
}

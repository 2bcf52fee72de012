import { createEndpoints, type Endpoints } from "./endpoints.js";
import type { Endpoint, SeatEnd } from "./endpoint.js";
import { createOrganizationSeats } from "./organization-seats.js";
import { createSlots } from "./slots.js";
import { createWaitingRoom } from "./waiting-room.js";

/** A place at an endpoint for one request. */
export interface Seat {
  /** Learns the most requests at once that the endpoint's owner allows. */
  allow(inFlightMax: number): void;
  /** Gives the seat back, once; null: nothing was learnt of the endpoint. */
  leave(end: SeatEnd | null): void;
}

export interface Admission {
  /** What is known of them. */
  readonly endpoints: Pick<Endpoints, "isKnown" | "meet" | "fast">;
  /**
   * A seat at a webhook's endpoint, at once or after a short wait; null when there is none: the delivery belongs into its
   * webhook's line.
   */
  enter(webhookId: string): Promise<Seat | null>;
  /** A seat whatever the endpoint's window and lane say; it counts in both. */
  seatAt(webhookId: string): Seat;
  /** Slots that endpoints outside the fast lane may still take. */
  freeShared(): number;
  /** How many requests may be added to those under way at this moment, beside those that already wait here. */
  roomAt(webhookId: string): number;
  /** Sends endpoints that keep a request waiting for too long out of the fast lane; to be called several times a second. */
  sweep(): void;
}

/**
 * Decides, in one worker process, which deliveries may be sent now. An endpoint that answered well is in the fast lane, up to its own
 * window; all others share a bounded part of the worker, so that whatever they do, the rest of it stays with those that are well. No
 * organization takes all of it while there are others.
 * The window grows with every success and halves when the endpoint is overloaded.
 * @param options.slots requests that the process makes at once
 */
export function createAdmission(options: { slots: number; nowMs: () => number }): Admission {
  const slots = createSlots(options.slots);
  const endpoints = createEndpoints();
  const organizations = createOrganizationSeats(options);
  const waitingRoom = createWaitingRoom(options.slots);

  /** Seats that its window, its lane and its organization leave. */
  function roomAt(endpoint: Endpoint): number {
    if (!slots.hasFree(endpoint.lane())) return 0;
    return Math.min(endpoint.window() - endpoint.inFlight(), organizations.room(endpoint.organizationId));
  }

  function seatAt(endpoint: Endpoint, startedAtMs = options.nowMs()): Seat {
    const place = endpoint.begin(startedAtMs);
    slots.take(endpoint.lane());
    organizations.take(endpoint.organizationId);
    return {
      allow: (inFlightMax) => endpoint.allow(inFlightMax),
      leave(end) {
        if (!endpoint.end(place)) return;
        slots.giveBack(endpoint.lane());
        organizations.giveBack(endpoint.organizationId);
        if (end !== null) change(endpoint, () => endpoint.learn(end, options.nowMs() - startedAtMs));
        waitingRoom.letIn(endpoint, () => takeSeat(endpoint));
      },
    };
  }

  function takeSeat(endpoint: Endpoint): Seat | null {
    return roomAt(endpoint) > 0 ? seatAt(endpoint) : null;
  }

  /** Whatever it learns, its requests under way are counted in the lane that it is in after. */
  function change(endpoint: Endpoint, learn: () => void): void {
    const from = endpoint.lane();
    learn();
    slots.move(endpoint.inFlight(), { from, to: endpoint.lane() });
    if (endpoint.lane() === "slow") waitingRoom.turnAway(endpoint);
  }

  return {
    endpoints,
    enter(webhookId) {
      const endpoint = endpoints.of(webhookId);
      const seat = takeSeat(endpoint);
      // Whoever waits here takes one of the worker's slots, which are not for this organization alone.
      if (seat !== null || organizations.room(endpoint.organizationId) === 0) return Promise.resolve(seat);
      return waitingRoom.wait(endpoint);
    },
    seatAt: (webhookId) => seatAt(endpoints.of(webhookId)),
    roomAt(webhookId) {
      if (!endpoints.isKnown(webhookId)) return 0;
      const endpoint = endpoints.of(webhookId);
      return Math.max(0, roomAt(endpoint) - endpoint.waiting.length);
    },
    freeShared: () => slots.freeShared(),
    sweep() {
      for (const endpoint of endpoints.busy()) change(endpoint, () => endpoint.notice(options.nowMs()));
    },
  };
}

const EVERYBODYS_SEAT: Seat = { allow: () => undefined, leave: () => undefined };

/** Seats for everybody. */
export const OPEN_TO_ALL: Admission = {
  endpoints: { isKnown: () => true, meet: () => undefined, fast: () => [] },
  enter: () => Promise.resolve(EVERYBODYS_SEAT),
  seatAt: () => EVERYBODYS_SEAT,
  roomAt: () => Number.MAX_SAFE_INTEGER,
  freeShared: () => Number.MAX_SAFE_INTEGER,
  sweep: () => undefined,
};

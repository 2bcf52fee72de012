import { createAside } from "./aside.js";
import { createEndpoints, type Endpoints } from "./endpoints.js";
import type { Endpoint, SeatEnd } from "./endpoint.js";
import { createPlaces } from "./places.js";
import { createWaitingRoom } from "./waiting-room.js";

/** A place at an endpoint for one request. */
export interface Seat {
  /** Learns the most requests at once that the endpoint's owner allows. */
  allow(inFlightMax: number): void;
  /** Should the answer take long, the request goes on without the worker's slot. @param giveBackSlot called once then */
  mayStandAside(giveBackSlot: () => void): void;
  /** The answer is there: gives the seat back, once; null: nothing was learnt of the endpoint. */
  leave(end: SeatEnd | null): void;
  /** The attempt is over, with its record: gives back what is left. */
  end(): void;
}

export interface Admission {
  /** What is known of them. */
  readonly endpoints: Pick<Endpoints, "isKnown" | "meet" | "fast">;
  /**
   * A seat at a webhook's endpoint, at once or after a short wait; null when there is none: the delivery belongs into its
   * webhook's line.
   */
  enter(webhookId: string): Promise<Seat | null>;
  /** A seat whatever the endpoint's window says, in which it counts; null: its lane has no slot, or its organization has its part. */
  takeOver(webhookId: string): Seat | null;
  /** Slots that endpoints outside the fast lane may still take. */
  freeShared(): number;
  /** How many requests may be added to those under way at this moment, beside those that already wait here. */
  roomAt(webhookId: string): number;
  /** Sends endpoints that keep a request waiting for too long out of the fast lane, and such requests aside; to be called several times a second. */
  sweep(): void;
}

/**
 * Decides, in one worker process, which deliveries may be sent now. An endpoint that answered well is in the fast lane, up to its own
 * window; all others share a bounded part of the worker, so that whatever they do, the rest of it stays with those that are well. No
 * organization takes all of it while there are others.
 * The window grows with every success and halves when the endpoint is overloaded.
 * @param options.slots requests that the process makes at once, beside those that stand aside
 */
export function createAdmission(options: { slots: number; nowMs: () => number }): Admission {
  const places = createPlaces(options);
  const endpoints = createEndpoints();
  const waitingRoom = createWaitingRoom(options.slots);
  const aside = createAside(options);

  /** Seats that its window, its lane and its organization leave. */
  const roomAt = (endpoint: Endpoint): number =>
    Math.min(endpoint.window() - endpoint.inFlight(), places.room(endpoint));

  function seatAt(endpoint: Endpoint, startedAtMs = options.nowMs()): Seat {
    const place = endpoint.begin(startedAtMs);
    places.take(endpoint);
    const leave = (end: SeatEnd | null): void => {
      const had = endpoint.end(place);
      if (had === null) return;
      aside.stay(place);
      if (had === "slot") places.giveBack(endpoint);
      if (end !== null) change(endpoint, () => endpoint.learn(end, options.nowMs() - startedAtMs));
      waitingRoom.letIn(endpoint, () => takeSeat(endpoint));
    };
    return {
      allow: (inFlightMax) => endpoint.allow(inFlightMax),
      mayStandAside: (giveBackSlot) => aside.admit(place, { endpoint, giveBackSlot }),
      leave,
      end() {
        leave(null);
        aside.leave(place);
      },
    };
  }

  const takeSeat = (endpoint: Endpoint): Seat | null => (roomAt(endpoint) > 0 ? seatAt(endpoint) : null);

  /** Whatever it learns, its requests in slots are counted in the lane that it is in after. */
  function change(endpoint: Endpoint, learn: () => void): void {
    const from = endpoint.lane();
    learn();
    places.move(endpoint, from);
    if (endpoint.lane() === "slow") waitingRoom.turnAway(endpoint);
  }

  return {
    endpoints,
    enter(webhookId) {
      const endpoint = endpoints.of(webhookId);
      const seat = takeSeat(endpoint);
      // Whoever waits here takes one of the worker's slots, which are not for this organization alone.
      if (seat !== null || places.isOrganizationFull(endpoint)) return Promise.resolve(seat);
      return waitingRoom.wait(endpoint);
    },
    takeOver(webhookId) {
      const endpoint = endpoints.of(webhookId);
      return places.room(endpoint) > 0 ? seatAt(endpoint) : null;
    },
    roomAt(webhookId) {
      if (!endpoints.isKnown(webhookId)) return 0;
      const endpoint = endpoints.of(webhookId);
      return Math.max(0, roomAt(endpoint) - endpoint.waiting.length);
    },
    freeShared: () => places.freeShared(),
    sweep() {
      for (const endpoint of endpoints.busy()) change(endpoint, () => endpoint.notice(options.nowMs()));
      for (const endpoint of aside.sweep()) places.giveBack(endpoint);
    },
  };
}

const EVERYBODYS_SEAT: Seat = {
  allow: () => undefined,
  mayStandAside: () => undefined,
  leave: () => undefined,
  end: () => undefined,
};

/** Seats for everybody. */
export const OPEN_TO_ALL: Admission = {
  endpoints: { isKnown: () => true, meet: () => undefined, fast: () => [] },
  enter: () => Promise.resolve(EVERYBODYS_SEAT),
  takeOver: () => EVERYBODYS_SEAT,
  roomAt: () => Number.MAX_SAFE_INTEGER,
  freeShared: () => Number.MAX_SAFE_INTEGER,
  sweep: () => undefined,
};

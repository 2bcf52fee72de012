import { createEndpoints } from "./endpoints.js";
import type { Endpoint, SeatEnd } from "./endpoint.js";
import { createSlots } from "./slots.js";

/** The part of a worker's slots that may wait for a seat at an endpoint that is busy and well. */
const WAITING_PART = 1 / 4;
/** Waiting at one endpoint, for each request that it takes at once. */
const WAITING_PER_SEAT = 2;

/** A place at an endpoint for one request. */
export interface Seat {
  /** Learns the most requests at once that the endpoint's owner allows. */
  allow(inFlightMax: number): void;
  /** Gives the seat back, once; null: nothing was learnt of the endpoint. */
  leave(end: SeatEnd | null): void;
}

export interface Admission {
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
 * window; all others share a bounded part of the worker, so that whatever they do, the rest of it stays with those that are well.
 * The window grows with every success and halves when the endpoint is overloaded.
 * @param options.slots requests that the process makes at once
 */
export function createAdmission(options: { slots: number; nowMs: () => number }): Admission {
  const slots = createSlots(options.slots);
  const endpoints = createEndpoints();
  const waitingMax = Math.floor(options.slots * WAITING_PART);
  let waiting = 0;

  function seatAt(endpoint: Endpoint, startedAtMs = options.nowMs()): Seat {
    const place = endpoint.begin(startedAtMs);
    slots.take(endpoint.lane());
    return {
      allow: (inFlightMax) => endpoint.allow(inFlightMax),
      leave(end) {
        if (!endpoint.end(place)) return;
        slots.giveBack(endpoint.lane());
        if (end !== null) change(endpoint, () => endpoint.learn(end, options.nowMs() - startedAtMs));
        letIn(endpoint);
      },
    };
  }

  /** Whatever it learns, its requests under way are counted in the lane that it is in after. */
  function change(endpoint: Endpoint, learn: () => void): void {
    const from = endpoint.lane();
    learn();
    slots.move(endpoint.inFlight(), { from, to: endpoint.lane() });
    if (endpoint.lane() === "slow") turnAway(endpoint);
  }

  function letIn(endpoint: Endpoint): void {
    while (endpoint.waiting.length > 0 && endpoint.hasSeat() && slots.hasFree(endpoint.lane())) {
      waiting -= 1;
      endpoint.waiting.shift()?.(seatAt(endpoint));
    }
    // Nothing of its own will end any more and let them in.
    if (endpoint.inFlight() === 0) turnAway(endpoint);
  }

  function turnAway(endpoint: Endpoint): void {
    waiting -= endpoint.waiting.length;
    for (const answer of endpoint.waiting.splice(0)) answer(null);
  }

  return {
    enter(webhookId) {
      const endpoint = endpoints.of(webhookId);
      if (endpoint.hasSeat() && slots.hasFree(endpoint.lane())) return Promise.resolve(seatAt(endpoint));
      const isRoomToWait = waiting < waitingMax && endpoint.waiting.length < WAITING_PER_SEAT * endpoint.window();
      // One that has no seat gets one as soon as a request of its own ends; one that has nothing under way would wait for ever.
      if (!isRoomToWait || endpoint.lane() === "slow" || endpoint.inFlight() === 0) return Promise.resolve(null);
      waiting += 1;
      return new Promise((resolve) => {
        endpoint.waiting.push(resolve);
      });
    },
    seatAt: (webhookId) => seatAt(endpoints.of(webhookId)),
    roomAt(webhookId) {
      const endpoint = endpoints.of(webhookId);
      const room = endpoint.window() - endpoint.inFlight() - endpoint.waiting.length;
      return slots.hasFree(endpoint.lane()) ? Math.max(0, room) : 0;
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
  enter: () => Promise.resolve(EVERYBODYS_SEAT),
  seatAt: () => EVERYBODYS_SEAT,
  roomAt: () => Number.MAX_SAFE_INTEGER,
  freeShared: () => Number.MAX_SAFE_INTEGER,
  sweep: () => undefined,
};

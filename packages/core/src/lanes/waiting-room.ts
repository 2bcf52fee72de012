import type { Seat } from "./admission.js";
import type { Endpoint } from "./endpoint.js";

/** The part of a worker's slots that may wait for a seat at an endpoint that is busy and well. */
const WAITING_PART = 1 / 4;
/** Waiting at one endpoint, for each request that it takes at once. */
const WAITING_PER_SEAT = 2;

/** Those who wait for a seat at an endpoint, first come, first served. */
export interface WaitingRoom {
  /** Waits for a seat; null at once where it would be for too long, or for ever. */
  wait(endpoint: Endpoint): Promise<Seat | null>;
  /** Gives seats to those who wait at an endpoint. @param takeSeat null: there is none */
  letIn(endpoint: Endpoint, takeSeat: () => Seat | null): void;
  turnAway(endpoint: Endpoint): void;
}

/** @param slots requests that the process makes at once */
export function createWaitingRoom(slots: number): WaitingRoom {
  const waitingMax = Math.floor(slots * WAITING_PART);
  let waiting = 0;

  function turnAway(endpoint: Endpoint): void {
    waiting -= endpoint.waiting.length;
    for (const answer of endpoint.waiting.splice(0)) answer(null);
  }

  return {
    wait(endpoint) {
      const isRoom = waiting < waitingMax && endpoint.waiting.length < WAITING_PER_SEAT * endpoint.window();
      // One that has no seat gets one as soon as a request of its own ends; one that has nothing under way would wait for ever.
      if (!isRoom || endpoint.lane() === "slow" || endpoint.inFlight() === 0) return Promise.resolve(null);
      waiting += 1;
      return new Promise((resolve) => {
        endpoint.waiting.push(resolve);
      });
    },
    letIn(endpoint, takeSeat) {
      while (endpoint.waiting.length > 0) {
        const seat = takeSeat();
        if (seat === null) break;
        waiting -= 1;
        endpoint.waiting.shift()?.(seat);
      }
      // Nothing of its own will end any more and let them in.
      if (endpoint.inFlight() === 0) turnAway(endpoint);
    },
    turnAway,
  };
}

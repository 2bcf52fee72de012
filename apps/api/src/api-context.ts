import type { Context } from "@homing/core/context";
import type { RetriedDelivery, RetryRequest } from "@homing/core/deliveries/retry";
import type { PublishRequest } from "@homing/core/events/event";
import type { PublishOutcome } from "@homing/core/events/publish";
import type { Batch } from "@homing/runtime/batch";
import type { Recalled } from "./admit.js";
import type { Cursors } from "./cursor.js";

export interface Publishes extends Pick<Batch<PublishRequest, PublishOutcome>, "idle"> {
  /**
   * Publishes the events of one request, in the company of those that arrive with it.
   * @param recalled who may hold its key no more: it is asked for here, and when it is not good nothing is published; null: that was asked
   * @throws ProblemError unauthenticated, rate_limited
   */
  add(request: PublishRequest, recalled: Recalled | null): Promise<PublishOutcome>;
}

/** What the routes' handlers call. The API makes no request of its own to a receiver: it has no `send`. */
export interface ApiContext extends Omit<Context, "send" | "random"> {
  publish: Publishes;
  retry: Batch<RetryRequest, RetriedDelivery[]>;
  cursors: Cursors;
}

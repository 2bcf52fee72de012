import type { Context } from "@homing/core/context";
import type { RetriedDelivery, RetryRequest } from "@homing/core/deliveries/retry";
import type { PublishRequest } from "@homing/core/events/event";
import type { PublishOutcome } from "@homing/core/events/publish";
import type { Batch } from "@homing/runtime/batch";
import type { Cursors } from "./cursor.js";

/** What the routes' handlers call. The API makes no request of its own to a receiver: it has no `send`. */
export interface ApiContext extends Omit<Context, "send" | "random"> {
  /** Publishes the events of one request, in the company of those that arrive with it. */
  publish: Batch<PublishRequest, PublishOutcome>;
  retry: Batch<RetryRequest, RetriedDelivery[]>;
  cursors: Cursors;
}

import type { Acting } from "../audit-log/actor.js";
import type { Context } from "../context.js";
import type { ShownState } from "./delivery.js";
import { handOver } from "./hint.js";
import { openedHint, openSeries } from "./open-series.js";

/** Where a delivery may be retried from. */
export type RetryableState = Exclude<ShownState, "pending" | "in_flight">;

export const RETRYABLE_STATES: readonly RetryableState[] = [
  "succeeded",
  "failed",
  "retrying",
  "held",
  "skipped",
  "cancelled",
];

/** Deliveries to send again, all or none of them. */
export interface RetryRequest extends Acting {
  organizationId: string;
  deliveryIds: readonly string[];
  /** A delivery in another state is passed over. */
  states: readonly RetryableState[];
  /** When the request came in, by `performance.now()`: an attempt recorded since then already answers it. */
  receivedAtMs: number;
}

/** What came of one delivery of a request. */
export type RetryOutcome =
  /** This request opened a new series; an attempt is due now. */
  | "opened"
  /** An attempt is due now, or was made since the request came in: a retry asked for at the same time was first. */
  | "queued_already"
  | "in_flight"
  /** Its state is none of those asked for. */
  | "ineligible"
  /** Another delivery of the request stood in the way. */
  | "not_opened"
  | "not_found"
  | "webhook_disabled"
  | "webhook_archived"
  | "quota_exhausted";

export interface RetriedDelivery {
  deliveryId: string;
  outcome: RetryOutcome;
  /** That it is in now: `queued_already` in another than the first is somebody else's retry. null: it was not found. */
  series: number | null;
}

/**
 * Requeues the same delivery records: one conditional UPDATE opens a new series on each that is not queued already, so of retries
 * that race one wins and the others find it queued; a scheduled retry is pulled forward. A request opens nothing when one of
 * its deliveries is not found, has an inactive webhook or is out of quota.
 * @returns for each request, in order, what came of each of its deliveries, in order
 */
export async function retryDeliveries(
  context: Pick<Context, "db" | "enqueue" | "log">,
  requests: readonly RetryRequest[],
): Promise<RetriedDelivery[][]> {
  const rows = await openSeries(context.db, requests);
  void handOver(context, rows.flatMap(openedHint));
  const answers = requests.map((): RetriedDelivery[] => []);
  for (const { request, id, outcome, series } of rows) {
    answers[request]?.push({ deliveryId: id, outcome, series });
  }
  return answers;
}

import { Prisma } from "@homing/db/client";
import type { Outcome } from "../outcome.js";

export const DELIVERY_STATES = ["pending", "in_flight", "succeeded", "failed", "held", "skipped", "cancelled"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** A state, `retrying` told apart from `pending`: what waits for its next attempt after one that failed. */
export type ShownState = DeliveryState | "retrying";

/** A delivery's state, `retrying` told apart from `pending`. */
export function shownStateOf({ state, attemptsInSeries }: Pick<Delivery, "state" | "attemptsInSeries">): ShownState {
  return state === "pending" && attemptsInSeries > 0 ? "retrying" : state;
}

/** `shownStateOf`, as text, of a row that has the columns `state` and `attempts_in_series` of one delivery and of nothing else. */
export const SHOWN_STATE_SQL = Prisma.sql`(CASE WHEN state = 'pending' AND attempts_in_series > 0 THEN 'retrying' ELSE state::text END)`;

export type AttemptTrigger = "automatic" | "manual";

/** One event for one webhook. */
export interface Delivery {
  /** UUIDv7. */
  id: string;
  /** Counts all deliveries of the installation; below 2^53. */
  number: number;
  /** UUIDv7. */
  eventId: string;
  eventType: string;
  webhookId: string;
  state: DeliveryState;
  /** 1 for the automatic schedule, one more for each manual retry. */
  series: number;
  attemptsInSeries: number;
  /** How many attempts have a record; only grows. */
  attemptsTotal: number;
  nextAttemptAt: Date | null;
  lastResponseStatus: number | null;
  lastError: string | null;
  deliveredAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** One HTTP request of a delivery, with its outcome. */
export interface Attempt {
  id: string;
  deliveryId: string;
  series: number;
  /** Counted in its series from 1. */
  number: number;
  trigger: AttemptTrigger;
  outcome: Outcome;
  responseStatus: number | null;
  responseHeaders: Record<string, string> | null;
  /** The first 4096 bytes as text. */
  responseBody: string | null;
  /** Credentials are shown as `[redacted]`. */
  requestHeaders: Record<string, string>;
  durationMs: number;
  error: string | null;
  createdAt: Date;
}

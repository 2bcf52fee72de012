import type { Form } from "./form.js";

/** What a receiver does while it is ill; when it is well it answers 200 after a moment. */
export type Illness = "reset" | "hang" | "half_header" | "stream" | "drip" | "statuses" | "refusal";

/** One webhook and the share of the events that is meant for it. */
export interface Lane {
  name: string;
  /** Of all weights. */
  weight: number;
  /** null: always well. */
  illness: Illness | null;
  /** False: it stays ill, and its deliveries end as failed. */
  heals: boolean;
}

const RETRIES = 90;
/** Long enough for their requests to stand aside. */
const ILL_TIMEOUT_MS = 3_000;

/** Gets every event; the others get those of their own lane. */
const EVERYTHING = "everything";

export const LANES: readonly [Lane, ...Lane[]] = [
  { name: "well-1", weight: 60, illness: null, heals: true },
  { name: "well-2", weight: 60, illness: null, heals: true },
  { name: "well-3", weight: 60, illness: null, heals: true },
  { name: "resets", weight: 3, illness: "reset", heals: true },
  { name: "hangs", weight: 2, illness: "hang", heals: true },
  { name: "half-header", weight: 2, illness: "half_header", heals: true },
  { name: "streams", weight: 3, illness: "stream", heals: true },
  { name: "drips", weight: 2, illness: "drip", heals: true },
  { name: "statuses", weight: 3, illness: "statuses", heals: true },
  { name: "refuses", weight: 2, illness: "refusal", heals: false },
];

const WEIGHT_ALL = LANES.reduce((sum, { weight }) => sum + weight, 0);

/** The lane of an event. @param share from 0 to below 1 */
export function laneAt(share: number): Lane {
  let rest = share * WEIGHT_ALL;
  return LANES.find(({ weight }) => (rest -= weight) < 0) ?? LANES[0];
}

/** All webhooks' names. */
export const WEBHOOK_NAMES = [EVERYTHING, ...LANES.map(({ name }) => name)];

/** The webhooks that want this lane's events. */
export function webhooksOf(lane: string): string[] {
  return [EVERYTHING, lane];
}

/** Whether deliveries of this webhook must end as succeeded. */
export function mustSucceed(name: string): boolean {
  return LANES.find((lane) => lane.name === name)?.heals ?? true;
}

/** Whether its receiver is never ill, so that only our own faults delay its deliveries. */
export function isAlwaysWell(name: string): boolean {
  return (LANES.find((lane) => lane.name === name)?.illness ?? null) === null;
}

/** What the API is asked to make; a webhook that is always well keeps the usual deadline, so that leases are as long as usual. */
export function webhookBody(name: string, receiversUrl: string, { retrySecondsMax }: Form): object {
  const delays = Array.from({ length: RETRIES }, (_, index) => Math.min(index + 1, retrySecondsMax));
  return {
    url: `${receiversUrl}/${name}`,
    event_types: [name === EVERYTHING ? "*" : `${name}.*`],
    retry_policy: { delays_seconds: mustSucceed(name) ? delays : delays.slice(0, 2), jitter: 0 },
    ...(!isAlwaysWell(name) && { timeout_ms: ILL_TIMEOUT_MS }),
  };
}

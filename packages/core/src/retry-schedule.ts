import { type SendResult, isGone } from "./outcome.js";
import { parseRetryAfter } from "./retry-after.js";

/** One series of automatic attempts: the first at once, then one after each delay. */
export interface RetryPolicy {
  /** The wait after the first, second, … failed attempt; with none left the delivery has failed. */
  delaysSeconds: readonly number[];
  /** The share by which a delay varies either way, 0 to 1. */
  jitter: number;
  /** Statuses that end the series at once. */
  finalStatuses: readonly number[];
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const CLIENT_ERRORS = Array.from({ length: 100 }, (_, index) => 400 + index);
const STATUSES_WITH_RETRY_AFTER = [429, 503];

export const RETRY_PRESETS = {
  standard: {
    delaysSeconds: [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
    jitter: 0.2,
    finalStatuses: [],
  },
  theirstack: { delaysSeconds: Array.from({ length: 48 }, () => HOUR), jitter: 0, finalStatuses: [] },
  baanx: { delaysSeconds: [1, 2, 4, 8, 16], jitter: 0, finalStatuses: CLIENT_ERRORS },
  kallima: { delaysSeconds: [], jitter: 0, finalStatuses: [] },
  b3os: { delaysSeconds: [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR], jitter: 0.2, finalStatuses: [] },
} as const satisfies Record<string, RetryPolicy>;

export type RetryPreset = keyof typeof RETRY_PRESETS;

/** A webhook's policy as it is kept: the name of a preset or one of its own. */
export type RetryPolicySetting = RetryPreset | RetryPolicy;

/** The policy a setting stands for. */
export function resolveRetryPolicy(setting: RetryPolicySetting): RetryPolicy {
  return typeof setting === "string" ? RETRY_PRESETS[setting] : setting;
}

/**
 * A preset with so many retries: its delays from the first on, the last one again and again where it has fewer.
 * @param retriesMax a whole number from 0
 */
export function limitRetries(preset: RetryPreset, retriesMax: number): RetryPolicySetting {
  const { delaysSeconds, ...policy } = resolveRetryPolicy(preset);
  if (delaysSeconds.length === retriesMax) return preset;
  const delays = Array.from({ length: retriesMax }, (_, index) => delaysSeconds[index] ?? delaysSeconds.at(-1) ?? 0);
  return { ...policy, delaysSeconds: delays };
}

/**
 * When to try again after the n-th attempt of a series failed.
 * @param options.n the failed attempt, from 1
 * @param options.nowMs for a `Retry-After` that is a date
 * @param options.random 0 to 1, for the jitter
 * @returns milliseconds from now, or null when the series is over; never sooner than `Retry-After` (429, 503) asks
 */
export function retryDelayMs(
  policy: RetryPolicy,
  options: { n: number; result: SendResult; nowMs: number; random: number },
): number | null {
  const { n, result, nowMs, random } = options;
  const delaySeconds = policy.delaysSeconds[n - 1];
  if (delaySeconds === undefined || isFinal(policy, result)) return null;
  const scheduledMs = Math.round(delaySeconds * 1000 * (1 + policy.jitter * (2 * random - 1)));
  return Math.max(scheduledMs, askedDelayMs(result, nowMs));
}

function isFinal(policy: RetryPolicy, result: SendResult): boolean {
  return isGone(result) || (result.outcome === "responded" && policy.finalStatuses.includes(result.status));
}

function askedDelayMs(result: SendResult, nowMs: number): number {
  if (result.outcome !== "responded" || !STATUSES_WITH_RETRY_AFTER.includes(result.status)) return 0;
  return parseRetryAfter(result.headers["retry-after"], nowMs) ?? 0;
}

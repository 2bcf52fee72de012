import { expect, test } from "@jest/globals";
import type { SendResult } from "../src/outcome.js";
import {
  limitRetries,
  RETRY_PRESETS,
  type RetryPolicy,
  resolveRetryPolicy,
  retryDelayMs,
} from "../src/retry-schedule.js";

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const NOW_MS = Date.parse("2026-11-22T06:00:00Z");
const STEADY: RetryPolicy = { delaysSeconds: [10], jitter: 0, finalStatuses: [] };

function answered(status: number, retryAfter?: string): SendResult {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return { outcome: "responded", status, headers, bodyText: "", durationMs: 1 };
}

const REFUSED: SendResult = { outcome: "refused", error: "no", durationMs: 1 };

function delay(policy: RetryPolicy, n: number, { result = answered(500), random = 0.5 } = {}): number | null {
  return retryDelayMs(policy, { n, result, nowMs: NOW_MS, random });
}

test.each([
  ["standard", [5 * S, 5 * MIN, 30 * MIN, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H]],
  ["theirstack", Array.from({ length: 48 }, () => H)],
  ["baanx", [S, 2 * S, 4 * S, 8 * S, 16 * S]],
  ["kallima", []],
  ["b3os", [5 * S, 5 * MIN, 30 * MIN, 2 * H, 5 * H]],
] as const)("the delays of %s, and after the last of them the end", (name, delays) => {
  const policy = resolveRetryPolicy(name);
  expect(delays.map((_, index) => delay(policy, index + 1))).toEqual(delays);
  expect(delay(policy, delays.length + 1)).toBeNull();
  expect(delay(policy, delays.length + 2)).toBeNull();
});

test("a policy of one's own stands for itself", () => {
  expect(resolveRetryPolicy(STEADY)).toBe(STEADY);
});

test.each([
  [0, 4 * S],
  [0.25, 4.5 * S],
  [0.5, 5 * S],
  [0.999_999_9, 6 * S],
])("with random %d a delay of 5 s and 20 %% jitter is %d ms", (random, expected) => {
  expect(delay(RETRY_PRESETS.standard, 1, { random })).toBe(expected);
});

test.each([0, 0.999_999_9])("without jitter random %d changes nothing", (random) => {
  expect(delay(RETRY_PRESETS.baanx, 1, { random })).toBe(S);
});

test.each([
  ["429 asks for longer than the schedule", answered(429, "120"), 120 * S],
  ["503 asks for longer than the schedule", answered(503, "120"), 120 * S],
  ["it asks for sooner: never sooner than the schedule", answered(429, "3"), 10 * S],
  ["zero", answered(429, "0"), 10 * S],
  ["an HTTP date", answered(503, "Sun, 22 Nov 2026 06:01:00 GMT"), MIN],
  ["an HTTP date that is past", answered(503, "Sun, 22 Nov 2026 05:00:00 GMT"), 10 * S],
  ["more than 24 h", answered(429, "999999999"), 24 * H],
  ["a date of more than 24 h", answered(429, "Sun, 22 Nov 2037 06:01:00 GMT"), 24 * H],
  ["garbage", answered(429, "soon"), 10 * S],
  ["empty", answered(429, ""), 10 * S],
  ["negative seconds", answered(429, "-120"), 10 * S],
  ["none", answered(429), 10 * S],
  ["a 500 may not ask", answered(500, "120"), 10 * S],
  ["a network failure has none", REFUSED, 10 * S],
])("Retry-After: %s", (_, result, expected) => {
  expect(delay(STEADY, 1, { result })).toBe(expected);
});

test("Retry-After does not prolong a series that is over", () => {
  expect(delay(STEADY, 2, { result: answered(429, "120") })).toBeNull();
});

test.each([
  ["standard", 400, 5 * S],
  ["standard", 404, 5 * S],
  ["standard", 410, null],
  ["standard", 301, 5 * S],
  ["baanx", 400, null],
  ["baanx", 499, null],
  ["baanx", 500, S],
  ["baanx", 399, S],
  ["theirstack", 410, null],
] as const)("%s after a %d waits %s", (preset, status, expected) => {
  expect(delay(RETRY_PRESETS[preset], 1, { result: answered(status) })).toBe(expected);
});

test("a final status is final only where the policy says so", () => {
  const policy: RetryPolicy = { ...STEADY, finalStatuses: [422] };
  expect(delay(policy, 1, { result: answered(422) })).toBeNull();
  expect(delay(policy, 1, { result: answered(421) })).toBe(10 * S);
  expect(delay(policy, 1, { result: { ...REFUSED, status: 422 } })).toBe(10 * S);
});

test.each([
  [0, []],
  [2, [5, 300]],
  [7, [5, 300, 1_800, 7_200, 18_000, 18_000, 18_000]],
] as const)("b3os with %d retries takes its first delays and repeats its last", (retriesMax, delaysSeconds) => {
  expect(limitRetries("b3os", retriesMax)).toEqual({ delaysSeconds, jitter: 0.2, finalStatuses: [] });
});

test("a preset with just as many retries as it has stays that preset", () => {
  expect(limitRetries("b3os", 5)).toBe("b3os");
  expect(limitRetries("kallima", 0)).toBe("kallima");
});

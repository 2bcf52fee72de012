import { expect, test } from "@jest/globals";
import { settle } from "../src/deliveries/settle.js";
import type { SendResult } from "../src/outcome.js";

const CHANCE = { nowMs: 0, random: 0.5 };
const TWO = { delaysSeconds: [10], jitter: 0, finalStatuses: [] };

function answered(status: number): SendResult {
  return { outcome: "responded", status, headers: {}, bodyText: "", durationMs: 1 };
}

test.each([200, 201, 204, 299])("%d succeeds", (status) => {
  expect(settle({ retryPolicy: TWO, place: 1 }, answered(status), CHANCE)).toEqual({ state: "succeeded" });
});

test.each([199, 300, 301, 307, 400, 404, 500, 599])("%d is tried again", (status) => {
  expect(settle({ retryPolicy: TWO, place: 1 }, answered(status), CHANCE)).toEqual({
    state: "pending",
    delayMs: 10_000,
    error: `responded ${status}`,
  });
});

test.each(["timeout", "dns", "refused", "reset", "tls", "blocked_address", "too_large"] as const)(
  "%s is tried again, also when a status came before the failure",
  (outcome) => {
    const result: SendResult = { outcome, error: "what happened", durationMs: 1, status: 200 };
    const error = `${outcome}: what happened`;
    expect(settle({ retryPolicy: TWO, place: 1 }, result, CHANCE)).toEqual({
      state: "pending",
      delayMs: 10_000,
      error,
    });
    expect(settle({ retryPolicy: TWO, place: 2 }, result, CHANCE)).toEqual({ state: "failed", error, isGone: false });
  },
);

test("410 fails at once and says that the receiver is gone", () => {
  expect(settle({ retryPolicy: "standard", place: 1 }, answered(410), CHANCE)).toEqual({
    state: "failed",
    error: "responded 410",
    isGone: true,
  });
});

test.each([1, 2, 3])(
  "what our own stop cut off is due at once, also at place %d when the schedule is over",
  (place) => {
    const result: SendResult = { outcome: "aborted", error: "stopped", durationMs: 1 };
    expect(settle({ retryPolicy: TWO, place }, result, CHANCE)).toEqual({
      state: "pending",
      delayMs: 0,
      error: "aborted: stopped",
    });
  },
);

import { expect, test } from "@jest/globals";
import { createUtilizationGauge, releasePauseMs } from "../src/lanes/release-pace.js";

test.each([
  [0, 100],
  [0.2, 195],
  [0.3, 292],
  [0.5, 300],
  [1, 300],
])("a release in a process that is busy for %d of its time waits %d ms", (utilization, pauseMs) => {
  expect(Math.round(releasePauseMs(utilization))).toBe(pauseMs);
});

test("a gauge tells what the event loop did in the last window, and nothing of what was long before", () => {
  let nowMs = 0;
  const utilization = createUtilizationGauge({ nowMs: () => nowMs });
  expect(utilization()).toBe(1);
  nowMs += 1_500;
  const measured = utilization();
  expect(measured).toBeGreaterThanOrEqual(0);
  expect(measured).toBeLessThanOrEqual(1);
  nowMs += 999;
  expect(utilization()).toBe(measured);
  nowMs += 60_000;
  expect(utilization()).toBe(1);
});

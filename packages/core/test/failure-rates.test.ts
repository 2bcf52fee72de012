import { expect, test } from "@jest/globals";
import { createFailureRates } from "../src/lanes/failure-rates.js";

function countMany(rates: ReturnType<typeof createFailureRates>, ends: readonly boolean[], everyMs = 1): boolean[] {
  return ends.map((isFailure, index) => rates.count("a", { isFailure, nowMs: index * everyMs }));
}

const failures = (count: number) => Array.from({ length: count }, () => true);

test.each([
  ["nineteen failures", failures(19), false],
  ["twenty failures", failures(20), true],
  ["seven failures in ten", Array.from({ length: 50 }, (_, index) => index % 10 < 7), true],
  ["six failures in ten", Array.from({ length: 50 }, (_, index) => index % 10 < 6), false],
])("within a minute, %s open the circuit: %#", (_, ends, isOpened) => {
  const verdicts = countMany(createFailureRates(), ends.toReversed());
  expect(verdicts.some(Boolean)).toBe(isOpened);
});

test("failures that are further apart are forgotten", () => {
  expect(countMany(createFailureRates(), failures(100), 4_000).some(Boolean)).toBe(false);
});

test("after it was told to forget it counts from nothing", () => {
  const rates = createFailureRates();
  countMany(rates, failures(20));
  rates.forget("a");
  expect(countMany(rates, failures(19)).some(Boolean)).toBe(false);
});

test("each webhook is counted on its own", () => {
  const rates = createFailureRates();
  countMany(rates, failures(19));
  expect(rates.count("b", { isFailure: true, nowMs: 20 })).toBe(false);
});

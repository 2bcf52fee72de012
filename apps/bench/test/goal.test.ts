import { expect, test } from "@jest/globals";
import { atLeast, atMost, verdictOn } from "../src/goal.js";

test.each([
  [8, "reached"],
  [7.99, "met"],
  [6, "met"],
  [5.99, "MISSED"],
  [Number.NaN, "MISSED"],
  [Number.POSITIVE_INFINITY, "MISSED"],
])("of a figure that should be large, %p is %s", (value, verdict) => {
  expect(verdictOn(atLeast("speed", value, { need: 6, reach: 8 }))).toBe(verdict);
});

test.each([
  [400, "reached"],
  [401, "met"],
  [700, "met"],
  [701, "MISSED"],
])("of a figure that should be small, %p is %s", (value, verdict) => {
  expect(verdictOn(atMost("cost", value, { need: 700, reach: 400, unit: "µs" }))).toBe(verdict);
});

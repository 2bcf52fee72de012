import { expect, test } from "@jest/globals";
import { sumOf, usagePerEvent } from "../src/usage.js";

test("what was used between two looks is spread over the events, in microseconds", () => {
  const before = { api: 100, worker: 50, postgres: 10, redis: 0 };
  const after = { api: 1_100, worker: 550, postgres: 260, redis: 50 };
  const usage = usagePerEvent(before, after, 1_000);
  expect(usage).toEqual({ api: 1_000, worker: 500, postgres: 250, redis: 50 });
  expect(sumOf(usage)).toBe(1_800);
});

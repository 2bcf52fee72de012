import { expect, test } from "@jest/globals";
import { latencyOf } from "../src/latency.js";

test("a percentile is a value that was measured, whatever the order of measuring", () => {
  const latencies = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(latencyOf(latencies)).toEqual({ count: 200, p50Ms: 100, p95Ms: 190, p99Ms: 198, maxMs: 200 });
});

test("of nothing there is no latency", () => {
  expect(latencyOf([])).toMatchObject({ count: 0, p99Ms: Number.NaN });
});

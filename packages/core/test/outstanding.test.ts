import { expect, test } from "@jest/globals";
import { createOutstanding } from "../src/lanes/outstanding.js";

test("what was pulled is outstanding until it comes back", () => {
  const outstanding = createOutstanding(() => 0);
  outstanding.add("a", 2);
  outstanding.add("a", 1);
  outstanding.takeOff("a");
  expect([outstanding.of("a"), outstanding.of("b")]).toEqual([2, 0]);
});

test("one that comes back here though another process pulled it leaves no debt", () => {
  const outstanding = createOutstanding(() => 0);
  outstanding.takeOff("a");
  outstanding.add("a", 1);
  expect(outstanding.of("a")).toBe(1);
});

test("one that does not come back within a hint's patience is forgotten", () => {
  let nowMs = 0;
  const outstanding = createOutstanding(() => nowMs);
  outstanding.add("a", 2);
  nowMs = 10_000;
  outstanding.add("a", 1);
  nowMs = 15_000;
  expect(outstanding.of("a")).toBe(1);
});

test("a line that is gone has nothing outstanding", () => {
  const outstanding = createOutstanding(() => 0);
  outstanding.add("a", 2);
  outstanding.forget("a");
  expect(outstanding.of("a")).toBe(0);
});

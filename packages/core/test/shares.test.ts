import { expect, test } from "@jest/globals";
import { createShares } from "../src/shares/shares.js";

const BURST = 20;
const SECOND_MS = 1_000;
const FIFTHS = 5;

function createClock() {
  let nowMs = 0;
  return { nowMs: () => nowMs, pass: (ms: number) => void (nowMs += ms) };
}

test("a burst is within the share, what comes after it is not, and a pause gives it back", () => {
  const clock = createClock();
  const shares = createShares(clock);
  const take = (hints: number) => Array.from({ length: hints }, () => shares.take("a"));
  expect(Math.max(...take(BURST))).toBe(0);
  expect(shares.take("a")).toBe(1);
  expect(shares.take("b")).toBe(0);
  clock.pass(4 * SECOND_MS);
  expect(take(BURST - 1).every((priority) => priority === 0)).toBe(true);
  expect(Math.max(...take(10))).toBe(1);
});

test("who keeps to 5 a second is never beyond the share; who takes 10 or 50 times as much comes after, each in its turn", () => {
  const clock = createClock();
  const shares = createShares(clock);
  const lasts = new Map<string, number>();
  for (let fifth = 0; fifth < 120 * FIFTHS; fifth++) {
    for (const [name, rate] of Object.entries({ fair: 5, busy: 50, flooding: 250 })) {
      for (let hint = 0; hint < rate / FIFTHS; hint++) lasts.set(name, shares.take(name));
    }
    clock.pass(SECOND_MS / FIFTHS);
  }
  expect(lasts.get("fair")).toBe(0);
  expect(lasts.get("busy")).toBeGreaterThan(0);
  expect(lasts.get("flooding")).toBeGreaterThan(lasts.get("busy") ?? 0);
  expect(lasts.get("flooding")).toBeLessThanOrEqual(10);
  expect(shares.indebted().toSorted()).toEqual(["busy", "flooding"]);
});

test("a flood is forgotten two minutes after its end", () => {
  const clock = createClock();
  const shares = createShares(clock);
  for (let hint = 0; hint < 1_000_000; hint++) shares.take("a");
  expect(shares.priorityOf("a")).toBe(10);
  clock.pass(150 * SECOND_MS);
  expect(shares.priorityOf("a")).toBe(0);
});

test("of more organizations than it can remember it forgets the one that was quiet for longest", () => {
  const shares = createShares(createClock());
  for (let hint = 0; hint < 2 * BURST; hint++) shares.take("quiet");
  for (let hint = 0; hint < 2 * BURST; hint++) shares.take("busy");
  for (let index = 0; index < 9_998; index++) shares.take(`other ${index}`);
  shares.take("busy");
  shares.take("one more");
  shares.take("two more");
  expect(shares.indebted()).toEqual(["busy"]);
});

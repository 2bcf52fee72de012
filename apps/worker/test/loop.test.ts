import { waitFor } from "@homing/local/wait-for";
import { createLogger } from "@homing/runtime/logger";
import { expect, test } from "@jest/globals";
import { startLoop } from "../src/loop.js";

function recordingLog() {
  const lines: Record<string, unknown>[] = [];
  return {
    log: createLogger({ service: "test", level: "info" }, { write: (line) => lines.push(JSON.parse(line)) }),
    lines,
  };
}

test("rounds follow one another, one at a time, until the stop", async () => {
  let rounds = 0;
  let underWay = 0;
  let underWayMax = 0;
  const loop = startLoop({
    name: "toy",
    pauseMs: 0,
    log: recordingLog().log,
    async round() {
      underWayMax = Math.max(underWayMax, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      rounds += 1;
    },
  });
  await waitFor(() => rounds >= 3, { what: "three rounds" });
  await loop.stop();
  const atStop = rounds;
  await new Promise((resolve) => setImmediate(resolve));
  expect({ underWayMax, rounds }).toEqual({ underWayMax: 1, rounds: atStop });
});

test("a round that fails is logged with its loop and does not end it", async () => {
  const { log, lines } = recordingLog();
  let rounds = 0;
  const loop = startLoop({
    name: "toy",
    pauseMs: 0,
    log,
    round() {
      rounds += 1;
      if (rounds === 1) throw new Error("at once");
      return rounds === 2 ? Promise.reject(new Error("later")) : Promise.resolve();
    },
  });
  await waitFor(() => rounds >= 3, { what: "a round after the failed ones" });
  await loop.stop();
  expect(lines).toMatchObject([
    { message: "loop.round_failed", loop: "toy", err: { message: "at once" } },
    { message: "loop.round_failed", loop: "toy", err: { message: "later" } },
  ]);
});

test("a stop tells the round under way, waits for it and starts no other", async () => {
  let end: () => void = () => undefined;
  let signal: AbortSignal | undefined;
  let rounds = 0;
  const loop = startLoop({
    name: "toy",
    pauseMs: 0,
    log: recordingLog().log,
    round(roundSignal) {
      rounds += 1;
      signal = roundSignal;
      return new Promise((resolve) => (end = resolve));
    },
  });
  let isStopped = false;
  const stopped = loop.stop().then(() => (isStopped = true));
  expect(signal?.aborted).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isStopped).toBe(false);
  end();
  await stopped;
  expect(rounds).toBe(1);
});

test("a stop does not wait for the pause", async () => {
  let rounds = 0;
  const loop = startLoop({
    name: "toy",
    pauseMs: 3_600_000,
    log: recordingLog().log,
    round: async () => void rounds++,
  });
  await waitFor(() => rounds === 1, { what: "the first round" });
  await loop.stop();
  expect(rounds).toBe(1);
});

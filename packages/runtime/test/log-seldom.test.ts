import { expect, test } from "@jest/globals";
import { createLogger } from "../src/logger.js";
import { logSeldom } from "../src/log-seldom.js";

test("of a swarm of one error one line in 5 s is written, with the number left out; another error is not held back", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = createLogger({ service: "test", level: "warn" }, { write: (line: string) => void lines.push(line) });
  const report = logSeldom(log, "queue.error", () => nowMs);
  for (nowMs = 0; nowMs < 5_000; nowMs += 100) report(new Error("refused"));
  expect(lines).toHaveLength(1);
  report(new Error("refused"));
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({ message: "queue.error", left_out: 49 });
  report(new Error("reset"));
  expect(lines).toHaveLength(3);
});

import { expect, test } from "@jest/globals";
import { findReason, toProblemLine } from "../src/problem-line.js";

test.each([
  ['{"level":30,"message":"fine"}', null],
  ['{"level":40,"time":"t","message":"slow"}', "api: slow"],
  ['{"level":50,"message":"failed","err":{"message":"no route"}}', "api: failed: no route"],
  ['{"level":60,"err":{"message":"over"}}', "api: over"],
  ['{"level":50,"message":7', "api: "],
  ["not JSON at level 50", null],
])("the log line %s is shown as %j", (line, shown) => {
  expect(toProblemLine("api", line)).toBe(shown);
});

test.each([
  ["our own line", ["homing-api: cannot start: PORT is missing"], "homing-api: cannot start: PORT is missing"],
  [
    "an uncaught error",
    ["/app/main.js:3", "throw new Error('x')", "^", "", "Error: x", "    at main.js:3", "", "Node.js v20.20.0"],
    "Error: x",
  ],
  [
    "an error with fields",
    ["Error: listen", "    at net.js {", "  code: 'EADDRINUSE'", "}", "Node.js v20.20.0"],
    "Error: listen",
  ],
  ["nothing", [], null],
])("the reason is found in %s", (_, lines, reason) => {
  expect(findReason(lines)).toBe(reason);
});

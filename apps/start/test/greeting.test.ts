import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { localUrl } from "../src/config.js";
import { type Running, greet } from "../src/greeting.js";

const RUNNING: Running = {
  url: "http://127.0.0.1:3000",
  apiKey: "hom_it's a key",
  operatorKey: "operator_key",
  operator: { username: "ops", password: "secret" },
  directory: ".homing",
  postgresDirectory: ".homing",
  hasRedis: false,
};

/** The arguments that a shell makes of a pasted command. */
function argumentsOf(command: string): string[] {
  const out = execFileSync("sh", ["-c", `curl() { printf '%s\\n' "$@"; }\n${command}`], { encoding: "utf8" });
  return out.trimEnd().split("\n");
}

test("the greeting names where everything is and who may see it", () => {
  const text = greet(RUNNING);
  for (const part of [
    "http://127.0.0.1:3000/docs",
    "Operator  operator_key",
    "/ops/queues (user ops, password secret)",
    ".homing/api.log",
  ]) {
    expect(text).toContain(part);
  }
});

test("the greeting's commands, pasted into a shell, register the receiver's URL and publish an event", () => {
  const commands = greet(RUNNING)
    .split("\n")
    .filter((line) => line.startsWith("curl "));
  const headers = ["-H", "authorization: Bearer hom_it's a key", "-H", "content-type: application/json", "-d"];
  const [register, publish] = commands.map(argumentsOf);
  expect(register).toEqual([
    "-sS",
    "http://127.0.0.1:3000/v1/webhooks",
    ...headers,
    '{"url":"http://127.0.0.1:4000/"}',
  ]);
  expect(publish?.slice(0, -1)).toEqual(["-sS", "http://127.0.0.1:3000/v1/events", ...headers]);
  expect(JSON.parse(String(publish?.at(-1)))).toMatchObject({
    type: "invoice.paid",
    payload: { invoice_id: "in_1001" },
  });
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:80"],
  ["0.0.0.0", "http://127.0.0.1:80"],
  ["::", "http://[::1]:80"],
  ["fd00::7", "http://[fd00::7]:80"],
  ["localhost", "http://localhost:80"],
])("a server that listens on %s is reached from here at %s", (host, url) => {
  expect(localUrl(host, 80)).toBe(url);
});

import { expect, test } from "@jest/globals";
import { createLogger } from "../src/logger.js";

function recordingLogger(level: string) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ service: "homing-test", level }, { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
}

test("a line is JSON with the service, an RFC 3339 time in UTC and the message", () => {
  const { log, lines } = recordingLogger("info");
  log.info({ delivery_id: "d1" }, "delivery.attempted");
  expect(lines).toEqual([
    {
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: "homing-test",
      pid: process.pid,
      delivery_id: "d1",
      message: "delivery.attempted",
    },
  ]);
});

test.each([
  { secret: "s3cr3t" },
  { secrets: ["s3cr3t"] },
  { authorization: "Bearer s3cr3t" },
  { headers: { authorization: "Bearer s3cr3t" } },
  { password: "s3cr3t" },
  { api_key: "s3cr3t" },
])("a secret field is redacted: %j", (fields) => {
  const { log, lines } = recordingLogger("info");
  log.info(fields, "with a secret");
  expect(JSON.stringify(lines)).toContain("[redacted]");
  expect(JSON.stringify(lines)).not.toContain("s3cr3t");
});

test("of an error its text, its causes and its code are written, and nothing that a library hung on it", () => {
  const { log, lines } = recordingLogger("info");
  const cause = Object.assign(new Error("the cause"), { input: "s3cr3t" });
  const error = Object.assign(new TypeError("refused", { cause }), {
    code: "WRONGPASS",
    command: { name: "auth", args: ["s3cr3t"] },
  });
  log.error({ err: error }, "failed");
  expect(lines).toMatchObject([
    { err: { type: "TypeError", message: "refused: the cause", stack: expect.any(String), code: "WRONGPASS" } },
  ]);
  expect(JSON.stringify(lines)).not.toContain("s3cr3t");
});

test("lines below the level are not written", () => {
  const { log, lines } = recordingLogger("warn");
  log.info("quiet");
  log.warn("loud");
  expect(lines.map(({ message }) => message)).toEqual(["loud"]);
});

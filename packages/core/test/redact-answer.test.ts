import { expect, test } from "@jest/globals";
import { redactAnswer } from "../src/deliveries/redact-answer.js";
import { responded } from "./world.js";

const BODY_BYTES_MAX = 4096;

function redact(bodyText: string, values: readonly string[]): string {
  const { bodyText: redacted = "" } = redactAnswer({ ...responded(200), bodyText }, values);
  return redacted;
}

test.each<[string, string, string[], string]>([
  ["a value", "you sent s3cr3t-value", ["s3cr3t-value"], "you sent [redacted]"],
  ["what comes behind its scheme", '{"t":"t0ken-0123"}', ["Bearer t0ken-0123"], '{"t":"[redacted]"}'],
  ["one that JSON spells otherwise", String.raw`"a\"b\\c-long"`, [String.raw`a"b\c-long`], '"[redacted]"'],
  ["one that holds another, as one", "long-secret-longer", ["long-secret", "long-secret-longer"], "[redacted]"],
  ["one of characters that mean something in a pattern", "a.b*c(d)[e]", ["a.b*c(d)[e]"], "[redacted]"],
  ["nothing that only looks like a pattern's match", "axbxxxcd", ["a.b.*c.d"], "axbxxxcd"],
  ["nothing short", "blue", ["blue"], "blue"],
])("redacts %s", (_, body, values, expected) => {
  expect(redact(body, values)).toBe(expected);
});

test("what was redacted is not redacted again, so that no secret makes a body grow without end", () => {
  const values = Array.from({ length: 400 }, () => "redacted");
  const body = "redacted".repeat(BODY_BYTES_MAX / 8);
  const redacted = redact(body, [values.join(" ")]);
  expect(Buffer.byteLength(redacted)).toBeLessThanOrEqual(BODY_BYTES_MAX);
  expect(redacted.startsWith("[redacted][redacted]")).toBe(true);
});

test("the beginning of a secret that the end of a body cuts off is redacted, too", () => {
  const body = `${"x".repeat(BODY_BYTES_MAX - 12)}s3cr3t-value`;
  expect(redact(body, ["s3cr3t-value-and-more"])).not.toContain("s3cr3t");
});

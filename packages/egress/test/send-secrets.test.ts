import { afterEach, expect, test } from "@jest/globals";
import { aRequest, cleanUp, startHttp, startSender } from "./receivers.js";

const BODY_BYTES_MAX = 4096;

afterEach(cleanUp);

/** What is recorded of an answer with this body to a request with these secrets. */
async function recorded(body: string, secrets: readonly string[]): Promise<string> {
  const receiver = await startHttp((request, response) => {
    request.resume().on("end", () => response.end(body));
  });
  const { bodyText = "" } = await startSender().send({ ...aRequest(receiver), secrets });
  return bodyText;
}

test.each<[string, string, string[], string]>([
  ["a value", "you sent s3cr3t-value", ["s3cr3t-value"], "you sent [redacted]"],
  ["what comes behind its scheme", '{"t":"t0ken-0123"}', ["Bearer t0ken-0123"], '{"t":"[redacted]"}'],
  ["one that JSON spells otherwise", String.raw`"a\"b\\c-long"`, [String.raw`a"b\c-long`], '"[redacted]"'],
  ["one that holds another, as one", "long-secret-longer", ["long-secret", "long-secret-longer"], "[redacted]"],
  ["one of characters that mean something in a pattern", "a.b*c(d)[e]", ["a.b*c(d)[e]"], "[redacted]"],
  ["nothing that only looks like a pattern's match", "axbxxxcd", ["a.b.*c.d"], "axbxxxcd"],
  ["nothing short", "blue", ["blue"], "blue"],
  ["nothing where there is no secret", "anything", [], "anything"],
])("a receiver that repeats what it was sent: the record redacts %s", async (_, body, secrets, expected) => {
  expect(await recorded(body, secrets)).toBe(expected);
});

test("headers of the answer are redacted, too", async () => {
  const receiver = await startHttp(({ headers }, response) => {
    response.writeHead(401, { "x-seen": headers.authorization, "retry-after": "1" }).end();
  });
  const request = aRequest(receiver, { headers: { authorization: "Bearer s3cr3t-t0ken" } });
  const result = await startSender().send({ ...request, secrets: ["Bearer s3cr3t-t0ken"] });
  expect(result.headers).toMatchObject({ "x-seen": "[redacted]", "retry-after": "1" });
});

test("what was redacted is not redacted again, so that no secret makes a record grow without end", async () => {
  const values = Array.from({ length: 400 }, () => "redacted").join(" ");
  const text = await recorded("redacted".repeat(BODY_BYTES_MAX / 8), [values]);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(BODY_BYTES_MAX);
  expect(text.startsWith("[redacted][redacted]")).toBe(true);
});

test.each([
  ["within it", 12],
  ["at its last byte", 1],
])("of a secret that crosses the end of what is recorded, beginning %s, nothing is", async (_, before) => {
  const secret = "s3cr3t-value-and-more";
  const start = "x".repeat(BODY_BYTES_MAX - before);
  expect(await recorded(`${start}${secret}${"y".repeat(100)}`, [secret])).toBe(
    `${start}[redacted]`.slice(0, BODY_BYTES_MAX),
  );
});

test("where redaction makes a body shorter, what was beyond the record does not move into it", async () => {
  const secret = "long-secret-".repeat(20);
  const body = `${secret.repeat(18)}${"z".repeat(10_000)}`;
  const text = await recorded(body, [secret]);
  expect(text).toBe("[redacted]".repeat(18));
});

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { findSecrets } from "./find-secrets.js";

// Its base64 has characters that URLs and base64url spell otherwise.
const KEY = Buffer.concat([Buffer.from([0xfb, 0xff, 0xfe]), randomBytes(29)]);
const SECRET = `whsec_${KEY.toString("base64")}`;
const PASSWORD = `pass word/${randomBytes(12).toString("hex")}`;

const HIDDEN: [how: string, text: string][] = [
  ["in clear", `{"a":"${SECRET}"}`],
  ["without its prefix", KEY.toString("base64")],
  ["its key in base64url", KEY.toString("base64url")],
  ["its key in hexadecimal", KEY.toString("hex")],
  ["in a URL", `?secret=${encodeURIComponent(SECRET)}&b`],
  ["in base64 as a whole", Buffer.from(SECRET).toString("base64")],
  ["in base64 with a character before it", Buffer.from(`a${SECRET}`).toString("base64")],
  ["in base64 with two before it and more behind", Buffer.from(`ab${SECRET}cdef`).toString("base64")],
  ["in base64url within JSON", Buffer.from(JSON.stringify({ secret: SECRET })).toString("base64url")],
];

describe("a secret is found", () => {
  test.each(HIDDEN)("%s", (_how, text) => {
    const found = findSecrets([{ name: "a log", text: `before ${text} behind` }], new Map([["the secret", SECRET]]));
    expect(found).toContainEqual(expect.stringMatching(/^the secret in a log as /));
  });

  test.each([PASSWORD, encodeURIComponent(PASSWORD), `{"p":${JSON.stringify(PASSWORD)}}`, btoa(`ops:${PASSWORD}`)])(
    "that is no signing secret: %#",
    (text) => {
      expect(findSecrets([{ name: "a row", text }], new Map([["a password", PASSWORD]]))).not.toEqual([]);
    },
  );
});

test("what is not there is not found, nor what a source is there to show", () => {
  const secrets = new Map([["the secret", SECRET]]);
  const other = `whsec_${randomBytes(32).toString("base64")}`;
  expect(findSecrets([{ name: "a log", text: other }], secrets)).toEqual([]);
  expect(findSecrets([{ name: "an answer", text: SECRET, mayHold: [SECRET] }], secrets)).toEqual([]);
  expect(findSecrets([{ name: "an answer", text: SECRET, mayHold: [other] }], secrets)).not.toEqual([]);
});

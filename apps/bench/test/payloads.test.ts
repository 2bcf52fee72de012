import { expect, test } from "@jest/globals";
import { payloadOf } from "../src/payloads.js";

test.each([1_024, 20 * 1_024, 250 * 1_024])("a payload of %d bytes is JSON of just that size", (bytes) => {
  for (let start = 0; start < 50; start++) {
    const text = payloadOf({ bytes, members: { number: start }, start });
    expect(Buffer.byteLength(text)).toBe(bytes);
    expect(JSON.parse(text)).toMatchObject({ number: start });
  }
});

test("payloads of different starts differ, and are made of many objects", () => {
  const texts = Array.from({ length: 100 }, (_, start) => payloadOf({ bytes: 1_024, members: { a: 1 }, start }));
  expect(new Set(texts).size).toBe(100);
  expect(JSON.parse(texts[0] ?? "").parts.length).toBeGreaterThan(2);
});

import { expect, test } from "@jest/globals";
import { decodeBody, truncateUtf8 } from "../src/body-text.js";

test.each([
  ["abc", 3, "abc"],
  ["abc", 2, "ab"],
  ["aé", 2, "a"],
  ["aé", 3, "aé"],
  ["€", 2, ""],
  ["a😀", 4, "a"],
  ["a😀", 5, "a😀"],
  ["abc", 0, ""],
])("%j cut at %i bytes is %j", (text, max, expected) => {
  expect(Buffer.from(truncateUtf8(Buffer.from(text), max)).toString()).toBe(expected);
});

test("bytes that are no UTF-8 are cut at the limit", () => {
  expect(truncateUtf8(Buffer.alloc(10, 0x80), 6)).toHaveLength(6);
  expect(truncateUtf8(Buffer.concat([Buffer.from("a"), Buffer.alloc(10, 0x80)]), 6)).toHaveLength(6);
});

test("invalid UTF-8 and NUL become U+FFFD", () => {
  expect(decodeBody(Buffer.from([0x61, 0xff, 0x62, 0x00, 0x63]))).toBe("a\uFFFDb\uFFFDc");
});

test("a character across the cut at 4096 bytes is left out whole", () => {
  const text = decodeBody(Buffer.from(`${"a".repeat(4095)}é and more`));
  expect(text).toBe("a".repeat(4095));
});

test.each([0x00, 0xff, 0x80])("4097 bytes of %i stay within 4096 bytes after replacement", (byte) => {
  const text = decodeBody(Buffer.alloc(4097, byte));
  expect(text).toBe("\uFFFD".repeat(1365));
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
});

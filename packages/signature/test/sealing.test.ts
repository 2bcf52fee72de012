import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { createSealer, parseEncryptionKeys, SealError } from "../src/sealing.js";

const OLD = { id: "2026-01", key: randomBytes(32) };
const NEW = { id: "2026-02", key: randomBytes(32) };
const CONTEXT = "0190aaaa/secret";

test("what was sealed opens again under the same context", () => {
  const sealer = createSealer([OLD]);
  for (const text of ["whsec_abc", "", "Zoë 😀"]) expect(sealer.open(sealer.seal(text, CONTEXT), CONTEXT)).toBe(text);
});

test("a sealed text names its key, hides its text, and differs each time", () => {
  const sealer = createSealer([OLD]);
  const [one, other] = [sealer.seal("sesame", CONTEXT), sealer.seal("sesame", CONTEXT)];
  expect(one).toMatch(/^v1\.2026-01\.[A-Za-z0-9_-]{46}$/);
  expect(Buffer.from(one.split(".")[2] ?? "", "base64url").toString("latin1")).not.toContain("sesame");
  expect(one).not.toBe(other);
});

test("the first key seals and every key opens, so that keys can be rotated", () => {
  const before = createSealer([OLD]).seal("sesame", CONTEXT);
  const rotated = createSealer([NEW, OLD]);
  expect(rotated.open(before, CONTEXT)).toBe("sesame");
  expect(rotated.seal("sesame", CONTEXT)).toMatch(/^v1\.2026-02\./);
});

test("a key that was taken away is named", () => {
  const sealed = createSealer([OLD]).seal("sesame", CONTEXT);
  expect(() => createSealer([NEW]).open(sealed, CONTEXT)).toThrow(
    new SealError('sealed with an unknown key "2026-01"'),
  );
});

test("another context does not open it", () => {
  const sealer = createSealer([OLD]);
  expect(() => sealer.open(sealer.seal("sesame", CONTEXT), "0190bbbb/secret")).toThrow(SealError);
});

test("another key under the same id does not open it", () => {
  const sealed = createSealer([OLD]).seal("sesame", CONTEXT);
  expect(() => createSealer([{ ...NEW, id: OLD.id }]).open(sealed, CONTEXT)).toThrow(SealError);
});

test("changing any single character is noticed", () => {
  const sealer = createSealer([OLD]);
  const sealed = sealer.seal("sesame", CONTEXT);
  for (const [index, character] of sealed.split("").entries()) {
    const changed = sealed.slice(0, index) + (character === "A" ? "B" : "A") + sealed.slice(index + 1);
    expect(() => sealer.open(changed, CONTEXT)).toThrow(SealError);
  }
});

test.each(["", "sesame", "v1.2026-01", "v1.2026-01.AAAA", "v1.2026-01.a.b", "v2.2026-01.AAAA"])(
  "%j is no sealed text",
  (text) => {
    expect(() => createSealer([OLD]).open(text, CONTEXT)).toThrow(new SealError("not a sealed text"));
  },
);

test("no error repeats what it was given in place of a key id", () => {
  const sealed = `v1.se same!.${Buffer.alloc(40).toString("base64url")}`;
  expect(() => createSealer([OLD]).open(sealed, CONTEXT)).toThrow(new SealError("sealed with an unknown key"));
});

describe("keys", () => {
  const encoded = OLD.key.toString("base64");

  test("are read in order from their text form", () => {
    expect(parseEncryptionKeys(`${NEW.id}:${NEW.key.toString("base64")}, ${OLD.id}:${encoded}`)).toEqual([NEW, OLD]);
  });

  test.each([
    ["", "encryption key 1 is not id:base64"],
    [encoded, "encryption key 1 is not id:base64"],
    [`a:${encoded},`, "encryption key 2 is not id:base64"],
    [`a b:${encoded}`, "encryption key 1 is not id:base64"],
    [`a.b:${encoded}`, "encryption key 1 is not id:base64"],
    [`a:${encoded}:b`, "encryption key 1 is not id:base64"],
    ["a:se same", 'encryption key 1 ("a") is not base64'],
    [`a:${encoded},a:${encoded}`, 'encryption key "a" is there twice'],
    [`a:${randomBytes(16).toString("base64")}`, 'encryption key "a" has 16 bytes, not 32'],
    ["a:", 'encryption key "a" has 0 bytes, not 32'],
  ])("of a malformed list are refused with the place (%#)", (text, message) => {
    expect(() => parseEncryptionKeys(text)).toThrow(message);
    expect(() => parseEncryptionKeys(text)).toThrow(/^(?!.*(se same|[A-Za-z0-9+/]{20}))/);
  });

  test("there must be at least one, of 32 bytes", () => {
    expect(() => createSealer([])).toThrow("no encryption key");
    expect(() => createSealer([{ id: "a", key: randomBytes(31) }])).toThrow('"a" has 31 bytes');
  });
});

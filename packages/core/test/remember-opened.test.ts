import { createSealer, SealError } from "@homing/signature/sealing";
import { beforeEach, expect, test } from "@jest/globals";
import { rememberOpened } from "../src/sealing/remember-opened.js";

const KEY = { id: "k", key: Buffer.alloc(32, 1) };

let opens = 0;
const counted = createSealer([KEY]);
const sealer = rememberOpened({
  ...counted,
  open(sealed, context) {
    opens += 1;
    return counted.open(sealed, context);
  },
});

beforeEach(() => {
  opens = 0;
});

test("a text is opened once, however often it is asked for", () => {
  const sealed = sealer.seal("secret", "row 1");
  expect([sealer.open(sealed, "row 1"), sealer.open(sealed, "row 1")]).toEqual(["secret", "secret"]);
  expect(opens).toBe(1);
});

test("a text that is known opens in no other place", () => {
  const sealed = sealer.seal("secret", "row 1");
  sealer.open(sealed, "row 1");
  expect(() => sealer.open(sealed, "row 2")).toThrow(SealError);
});

test("what was sealed anew is another text", () => {
  expect(sealer.open(sealer.seal("old", "row 1"), "row 1")).toBe("old");
  expect(sealer.open(sealer.seal("new", "row 1"), "row 1")).toBe("new");
});

test("what cannot be opened is tried again", () => {
  const foreign = createSealer([{ id: "k", key: Buffer.alloc(32, 2) }]).seal("secret", "row 1");
  for (let tries = 0; tries < 2; tries++) expect(() => sealer.open(foreign, "row 1")).toThrow(SealError);
  expect(opens).toBe(2);
});

import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { createCursors, readCursor } from "../src/cursor.js";
import { ProblemError } from "../src/problem.js";

const cursors = createCursors(Buffer.alloc(32, 7));
const id = "0197f3a0-1234-7abc-8def-0123456789ab";
const place = { list: "deliveries", organizationId: "0197f3a0-0000-7000-8000-000000000001" };

test("a cursor leads back to its row", () => {
  expect(cursors.decode(cursors.encode({ ...place, id }), place)).toBe(id);
});

test("a cursor of another list, organization or secret leads nowhere", () => {
  const cursor = cursors.encode({ ...place, id });
  expect(cursors.decode(cursor, { ...place, list: "events" })).toBeNull();
  expect(cursors.decode(cursor, { ...place, organizationId: "other" })).toBeNull();
  expect(createCursors(randomBytes(32)).decode(cursor, place)).toBeNull();
});

test("a cursor with any bit changed leads nowhere", () => {
  const bytes = Buffer.from(cursors.encode({ ...place, id }), "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(cursors.decode(changed.toString("base64url"), place)).toBeNull();
  }
});

test("text that is no cursor, or another spelling of one, leads nowhere", () => {
  const cursor = cursors.encode({ ...place, id });
  for (const text of ["", "x", id, `${cursor}=`, ` ${cursor}`, `${cursor}A`, cursor.slice(1), "é".repeat(43)]) {
    expect(cursors.decode(text, place)).toBeNull();
  }
});

test("a bad cursor is a fault of the query parameter, an absent one is the start", () => {
  expect(readCursor(cursors, undefined, place)).toBeNull();
  expect(readCursor(cursors, cursors.encode({ ...place, id }), place)).toBe(id);
  let thrown: unknown;
  try {
    readCursor(cursors, "bad", place);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ProblemError);
  expect(thrown).toMatchObject({
    problem: { code: "validation_error", faults: [{ in: "query", pointer: "/cursor" }] },
  });
});

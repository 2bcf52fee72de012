import { createHmac, timingSafeEqual } from "node:crypto";
import { parse, stringify } from "uuid";
import { invalidInput } from "./problem.js";

const ID_BYTES = 16;
const TAG_BYTES = 16;

/** The list that a cursor walks, and whose rows it holds. */
export interface CursorPlace {
  /** The name of one list, as `deliveries`. */
  list: string;
  organizationId: string;
}

export interface Cursors {
  /** The cursor for what comes after the row `id` (a UUID). */
  encode(place: CursorPlace & { id: string }): string;
  /** The row's id; null when the cursor was not made here for this list and organization. */
  decode(text: string, place: CursorPlace): string | null;
}

/**
 * Keyset cursors that nobody else can make: the row's UUID and an HMAC-SHA256 over list, organization and id, cut to 128
 * bits, in base64url.
 * @param secret at least 32 bytes, the same in every process
 */
export function createCursors(secret: Buffer): Cursors {
  function tag(place: CursorPlace, id: Buffer): Buffer {
    const bound = JSON.stringify([place.list, place.organizationId]);
    return createHmac("sha256", secret).update(bound).update(id).digest().subarray(0, TAG_BYTES);
  }
  return {
    encode(place) {
      const id = Buffer.from(parse(place.id));
      return Buffer.concat([id, tag(place, id)]).toString("base64url");
    },
    decode(text, place) {
      const bytes = Buffer.from(text, "base64url");
      // Decoding is lenient; one cursor has one spelling.
      if (bytes.length !== ID_BYTES + TAG_BYTES || bytes.toString("base64url") !== text) return null;
      const id = bytes.subarray(0, ID_BYTES);
      return timingSafeEqual(bytes.subarray(ID_BYTES), tag(place, id)) ? stringify(id) : null;
    },
  };
}

/**
 * The id behind the query parameter `cursor`; null when there is none.
 * @throws ProblemError validation_error on the parameter, when the cursor is not one of ours
 */
export function readCursor(cursors: Cursors, text: string | undefined, place: CursorPlace): string | null {
  if (text === undefined) return null;
  const id = cursors.decode(text, place);
  if (id === null) throw invalidInput([{ in: "query", pointer: "/cursor", detail: "is not a cursor of this list" }]);
  return id;
}

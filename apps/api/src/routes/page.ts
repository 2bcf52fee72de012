import type { Page, PageRequest } from "@homing/core/page";
import { type CursorPlace, type Cursors, readCursor } from "../cursor.js";
import type { PageQuery } from "./schemas.js";

/** What a list's query asks for. @throws ProblemError `validation_error` when its cursor was not made for this list */
export function toPageRequest(cursors: Cursors, place: CursorPlace, query: PageQuery): PageRequest {
  return { organizationId: place.organizationId, limit: query.limit, after: readCursor(cursors, query.cursor, place) };
}

/** A page as it is answered. */
export function pageBody<Item>(
  cursors: Cursors,
  place: CursorPlace,
  { items, nextAfter }: Page<Item>,
  toBody: (item: Item) => object,
): { data: object[]; next_cursor: string | null } {
  return {
    data: items.map(toBody),
    next_cursor: nextAfter === null ? null : cursors.encode({ ...place, id: nextAfter }),
  };
}

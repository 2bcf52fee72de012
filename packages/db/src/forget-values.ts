import { Debug } from "@prisma/client/runtime/client";
import type { SqlQuery } from "@prisma/driver-adapter-utils";

/** So many calls Prisma's debugging keeps. */
const DEBUG_CALLS_KEPT = 100;
/** Values that may stay there: with these, all of them are 25 MiB. */
const VALUES_KEPT_CHARS_MAX = 256 * 1024;

const debug = Debug("homing:db");

/** Prisma's debugging keeps its last calls, also while it is off: the adapter's with the query, the client's with its values as a text. */
export async function forgetValues<Result>(query: SqlQuery, running: Promise<Result>): Promise<Result> {
  try {
    return await running;
  } finally {
    const isLarge = query.args.reduce<number>((sum, value) => sum + charsOf(value), 0) > VALUES_KEPT_CHARS_MAX;
    query.args = [];
    if (isLarge) for (let calls = 0; calls < DEBUG_CALLS_KEPT; calls++) debug("");
  }
}

function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + charsOf(item), 0) : 0;
}

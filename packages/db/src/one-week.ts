import { Prisma } from "./generated/client.js";
import { uuidFloor, WEEK_MS, weekStart } from "./week.js";

/**
 * A week's statement saves the same for few ids as for many, and for many its plan may cost more: before Postgres has counted the week's
 * rows it takes those within bounds to be few, and joins what it found with what was asked for row by row.
 */
const IDS_MAX = 8;

/**
 * How a prepared statement finds the rows of UUIDv7: a few that were all made in one week by that week's table alone (decision 22).
 * Postgres leaves partitions out of a plan for any values by constants only, so each week has a statement of its own.
 */
export interface OneWeek {
  /** The end of the statement's name. */
  suffix: Prisma.Sql;
  /** Whether the id in a column is one of them. */
  isAmong(column: Prisma.Sql): Prisma.Sql;
  /** Whether an id that goes with them is of their week; true, when any week's rows are looked for. */
  isWithin(column: Prisma.Sql): Prisma.Sql;
}

/**
 * @param ids UUIDv7 in lower case; those of this week and of the last can have the statement of their week, so that a connection keeps
 * few of them
 */
export function oneWeekOf(ids: readonly string[], nowMs: number = Date.now()): OneWeek {
  const startMs = weekStart(nowMs);
  const weeks = ids.length > IDS_MAX ? [] : [startMs, startMs - WEEK_MS];
  const week = weeks.find((weekMs) => areWithin(ids, weekMs));
  const isWithin = (column: Prisma.Sql) => (week === undefined ? Prisma.sql`true` : isBetween(column, week));
  return {
    suffix: week === undefined ? Prisma.empty : Prisma.raw(`_${week / WEEK_MS}`),
    isAmong: (column) => Prisma.sql`(${column} = ANY (${ids}::uuid[]) AND ${isWithin(column)})`,
    isWithin,
  };
}

function areWithin(ids: readonly string[], weekMs: number): boolean {
  const [from, to] = [uuidFloor(weekMs), uuidFloor(weekMs + WEEK_MS)];
  return ids.every((id) => id >= from && id < to);
}

function isBetween(column: Prisma.Sql, weekMs: number): Prisma.Sql {
  const [from, to] = [uuidFloor(weekMs), uuidFloor(weekMs + WEEK_MS)].map((id) => Prisma.raw(`'${id}'::uuid`));
  return Prisma.sql`(${column} >= ${from} AND ${column} < ${to})`;
}

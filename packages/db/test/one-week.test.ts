import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { type Database, Prisma } from "../src/client.js";
import { oneWeekOf } from "../src/one-week.js";
import { WEEK_MS, weekStart } from "../src/week.js";
import { openMigrated } from "./template.js";

const NOW_MS = Date.parse("2026-11-30T12:00:00.000Z");
const STARTED_MS = weekStart(NOW_MS);

let db: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ db, close } = await openMigrated(1));
});

afterAll(() => close());

function idsOf(...times: number[]): string[] {
  return times.map((msecs) => uuidv7({ msecs }));
}

test.each([
  ["this week", idsOf(STARTED_MS, NOW_MS, STARTED_MS + WEEK_MS - 1), "_2969"],
  ["the last", idsOf(STARTED_MS - WEEK_MS, STARTED_MS - 1), "_2968"],
  ["this week, as many as there may be", Array.from({ length: 8 }, () => uuidv7({ msecs: NOW_MS })), "_2969"],
  ["this week, and too many of them", Array.from({ length: 9 }, () => uuidv7({ msecs: NOW_MS })), ""],
  ["both", idsOf(STARTED_MS, STARTED_MS - 1), ""],
  ["the one before the last", idsOf(STARTED_MS - WEEK_MS - 1), ""],
  ["the next", idsOf(STARTED_MS + WEEK_MS), ""],
  ["this week and far ahead", [...idsOf(NOW_MS), "ffffffff-ffff-7fff-bfff-ffffffffffff"], ""],
])("a name of a statement for ids of %s ends accordingly", (_, ids, suffix) => {
  expect(oneWeekOf(ids, NOW_MS).suffix.sql).toBe(suffix);
});

test("a statement says no more than which rows are asked for", async () => {
  const asked = idsOf(STARTED_MS, NOW_MS);
  const others = idsOf(STARTED_MS - 1, NOW_MS, STARTED_MS + WEEK_MS);
  const week = oneWeekOf(asked, NOW_MS);
  const ids = [...asked, ...others];
  const rows = await db.$queryRaw`
    SELECT ${week.isAmong(Prisma.sql`id`)} AS is_among, ${week.isWithin(Prisma.sql`id`)} AS is_within
    FROM unnest(${ids}::uuid[]) WITH ORDINALITY AS t (id, place) ORDER BY place`;
  expect(rows).toEqual([
    { is_among: true, is_within: true },
    { is_among: true, is_within: true },
    { is_among: false, is_within: false },
    { is_among: false, is_within: true },
    { is_among: false, is_within: false },
  ]);
});

test("without a week of their own ids are asked for all the same", async () => {
  const [id = "", other = ""] = idsOf(STARTED_MS - 1, NOW_MS);
  const week = oneWeekOf([other, id], NOW_MS);
  const [row] = await db.$queryRaw<unknown[]>`
    SELECT ${week.isAmong(Prisma.sql`${id}::uuid`)} AS is_among, ${week.isWithin(Prisma.sql`${id}::uuid`)} AS is_within`;
  expect(row).toEqual({ is_among: true, is_within: true });
});

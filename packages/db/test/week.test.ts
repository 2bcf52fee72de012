import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { uuidFloor, uuidTime, WEEK_MS, weekStart } from "../src/week.js";
import { openMigrated } from "./template.js";

test.each([
  ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"],
  ["1970-01-07T23:59:59.999Z", "1970-01-01T00:00:00.000Z"],
  ["1970-01-08T00:00:00.000Z", "1970-01-08T00:00:00.000Z"],
  ["2026-11-22T06:00:00.000Z", "2026-11-19T00:00:00.000Z"],
  ["2026-11-25T23:59:59.999Z", "2026-11-19T00:00:00.000Z"],
  ["2026-11-26T00:00:00.000Z", "2026-11-26T00:00:00.000Z"],
])("the week that holds %s starts at %s", (time, start) => {
  expect(new Date(weekStart(Date.parse(time))).toISOString()).toBe(start);
});

test.each([
  [0, "00000000-0000-0000-0000-000000000000"],
  [1, "00000000-0001-0000-0000-000000000000"],
  [1.9, "00000000-0001-0000-0000-000000000000"],
  [0x123456789abc, "12345678-9abc-0000-0000-000000000000"],
  [0xffffffffffff, "ffffffff-ffff-0000-0000-000000000000"],
  [-WEEK_MS, "00000000-0000-0000-0000-000000000000"],
])("the floor of millisecond %d is %s", (timeMs, floor) => {
  expect(uuidFloor(timeMs)).toBe(floor);
});

test("a floor lies between the ids made before its millisecond and those made in it", () => {
  const msecs = 1_795_328_000_000;
  const floor = uuidFloor(msecs);
  const random = new Uint8Array(16);
  expect(uuidv7({ msecs, random, seq: 0 }) >= floor).toBe(true);
  expect(uuidv7({ msecs: msecs - 1, random: random.fill(255), seq: 0xffffffff }) < floor).toBe(true);
});

let database: Awaited<ReturnType<typeof openMigrated>>;

beforeAll(async () => {
  database = await openMigrated(1);
});

afterAll(() => database.close());

test("an id tells when it was made, here and in the database", async () => {
  const times = [0, 999, 1_795_328_000_123, 4_102_444_799_999].map((msecs) => new Date(msecs));
  const ids = times.map((time) => uuidv7({ msecs: time.getTime() }));
  expect(ids.map(uuidTime)).toEqual(times);
  const rows = await database.db.$queryRaw<{ ms: number }[]>`
    SELECT (extract(epoch FROM homing_uuid_time(id)) * 1000)::float8 AS ms
    FROM unnest(${ids}::uuid[]) WITH ORDINALITY AS t (id, place) ORDER BY place`;
  expect(rows.map(({ ms }) => ms)).toEqual(times.map((time) => time.getTime()));
});

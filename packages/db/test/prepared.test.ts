import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Database } from "../src/client.js";
import { KEEP_PLANS, preparedName } from "../src/prepared.js";
import { openMigrated } from "./template.js";

const MIB = 1024 * 1024;

let db: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ db, close } = await openMigrated(1));
});

afterAll(() => close());

/** Of what is still in use. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

interface Kept {
  generic: bigint;
  custom: bigint;
  mode: string;
}

test("a statement that is named as prepared is planned once, whatever its values", async () => {
  const run = (id: string) => db.$queryRaw<Kept[]>`/* prepared look */
    SELECT generic_plans AS generic, custom_plans AS custom, current_setting('plan_cache_mode') AS mode
    FROM pg_prepared_statements LEFT JOIN deliveries ON deliveries.id = ${id}::uuid WHERE name = 'look'`;
  await run("00000000-0000-7000-8000-000000000001");
  await run("00000000-0000-7000-8000-000000000002");
  expect(await run("00000000-0000-7000-8000-000000000003")).toEqual([
    { generic: 3n, custom: 0n, mode: "force_generic_plan" },
  ]);
});

test("other statements are planned for their values, each time", async () => {
  const [row] = await db.$queryRaw<{ mode: string; prepared: bigint }[]>`
    SELECT current_setting('plan_cache_mode') AS mode, (SELECT count(*) FROM pg_prepared_statements) AS prepared`;
  expect(row).toEqual({ mode: "auto", prepared: 0n });
});

test("a transaction keeps plans from when it is told to its end", async () => {
  const mode = async (on: Pick<Database, "$queryRaw">): Promise<string | undefined> =>
    (await on.$queryRaw<{ mode: string }[]>`SELECT current_setting('plan_cache_mode') AS mode`)[0]?.mode;
  const within = await db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT ${KEEP_PLANS}`;
    return mode(transaction);
  });
  expect([within, await mode(db)]).toEqual(["force_generic_plan", "auto"]);
});

test("the values of statements that have ended are not kept", async () => {
  const run = (count: number) => db.$queryRaw`SELECT length(${String(count).repeat(MIB)}) AS chars`;
  await run(1);
  const before = heapBytes();
  for (let count = 1; count < 10; count++) await Promise.all([run(count), run(count), run(count), run(count)]);
  expect(heapBytes() - before).toBeLessThan(8 * MIB);
});

test("only a comment at the very start names a statement", () => {
  expect(preparedName({ sql: "/* prepared claim */ SELECT 1" })).toBe("claim");
  expect(preparedName({ sql: "SELECT '/* prepared claim */'" })).toBe("");
  expect(preparedName({ sql: "/* claim */ SELECT 1" })).toBe("");
});

import { freePort } from "@homing/local/free-port";
import type { TestDatabase } from "@homing/local/test-database";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { createDatabase, type Database } from "../src/client.js";
import { isDatabaseAway, isItemFault } from "../src/faults.js";
import { reachDatabase } from "../src/reach.js";
import { createTestDatabase } from "@homing/local/test-database";
import { migratedDatabase } from "./template.js";

const ITEM = { item: true, away: false };
const AWAY = { item: false, away: true };
const NEITHER = { item: false, away: false };

let database: TestDatabase;
let db: Database;
const opened: Database[] = [];

function open(url: string, connectionsMax = 1): Database {
  const client = createDatabase({ url, connectionsMax, applicationName: "test" });
  opened.push(client);
  return client;
}

beforeAll(async () => {
  database = await migratedDatabase();
  db = open(database.url, 2);
});

afterAll(async () => {
  for (const client of opened) await client.$disconnect();
  await database.drop();
});

/** How the error of some work is judged. */
async function judge(work: PromiseLike<unknown>): Promise<{ item: boolean; away: boolean }> {
  try {
    await work;
  } catch (error) {
    return { item: isItemFault(error), away: isDatabaseAway(error) };
  }
  throw new Error("the work did not fail");
}

test("what one item may cause is an item's fault", async () => {
  const id = uuidv7();
  expect(await judge(db.$queryRaw`SELECT 1 / 0`)).toEqual(ITEM);
  expect(await judge(db.$queryRaw`SELECT ${"not-a-uuid"}::uuid`)).toEqual(ITEM);
  expect(await judge(db.$queryRaw`SELECT ${"a\u0000b"}::text`)).toEqual(ITEM);
  expect(await judge(db.organization.findFirst({ where: { id: "not-a-uuid" } }))).toEqual(ITEM);
  await db.organization.create({ data: { id, name: "twice" } });
  expect(await judge(db.organization.create({ data: { id, name: "twice" } }))).toEqual(ITEM);
  expect(await judge(db.$executeRaw`INSERT INTO organizations (id, name) VALUES (${id}::uuid, 'twice')`)).toEqual(ITEM);
});

test("a mistake of ours is neither", async () => {
  expect(await judge(db.$queryRaw`SELECT FROM no_such_table`)).toEqual(NEITHER);
  expect(await judge(Promise.reject(new Error("division by zero")))).toEqual(NEITHER);
  expect(isItemFault(null) || isDatabaseAway(undefined) || isDatabaseAway("timeout")).toBe(false);
});

test("a server that cannot be reached is away", async () => {
  const unreachable = open(`postgresql://u:p@127.0.0.1:${await freePort()}/x`);
  expect(await judge(unreachable.$queryRaw`SELECT 1`)).toEqual(AWAY);
  expect(await judge(unreachable.organization.findFirst())).toEqual(AWAY);
  expect(await judge(unreachable.$transaction(async (transaction) => transaction.organization.findFirst()))).toEqual(
    AWAY,
  );
  expect(await judge(open("postgresql://u:p@nowhere.invalid/x").$queryRaw`SELECT 1`)).toEqual(AWAY);
});

test("a connection that the server ends is away, and the next query has a new one", async () => {
  expect(await judge(db.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`)).toEqual(AWAY);
  expect(await db.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }]);
});

test("a statement that takes too long is ended and counts as away, and as one that half the batch may not be", async () => {
  const outcome = db.$transaction(async (transaction) => {
    await transaction.$executeRaw`SET LOCAL statement_timeout = 100`;
    await transaction.$queryRaw`SELECT pg_sleep(5)::text`;
  });
  expect(await judge(outcome)).toEqual({ item: true, away: true });
});

test("the pool's connections end their statements after 10 s by themselves", async () => {
  expect(await db.$queryRaw`SHOW statement_timeout`).toEqual([{ statement_timeout: "10s" }]);
  expect(await db.$queryRaw`SHOW idle_in_transaction_session_timeout`).toEqual([
    { idle_in_transaction_session_timeout: "10s" },
  ]);
});

test("who waits for a connection of a full pool gives up after 3 s, and the database counts as away", async () => {
  const narrow = open(database.url, 1);
  const begun = performance.now();
  const holder = narrow.$queryRaw`SELECT pg_sleep(4)::text`.then(() => undefined);
  const [query, transaction] = await Promise.all([
    judge(narrow.$queryRaw`SELECT 1`),
    judge(narrow.$transaction(async (inner) => inner.organization.findFirst())),
  ]);
  expect({ query, transaction }).toEqual({ query: AWAY, transaction: AWAY });
  expect(performance.now() - begun).toBeLessThan(3_900);
  await holder;
});

test("reaching a migrated database is ok", async () => {
  expect(await reachDatabase(db, database.url)).toEqual({ ok: true });
});

test("a database without our tables is told apart, by host and name, without credentials", async () => {
  const empty = await createTestDatabase();
  const client = open(empty.url);
  const { host, pathname } = new URL(empty.url);
  expect(await reachDatabase(client, empty.url)).toEqual({
    ok: false,
    reason: `the database ${host}${pathname} has no tables yet: run npm run db:migrate`,
  });
  await client.$disconnect();
  await empty.drop();
});

test.each([
  ["postgresql://user:s3cr3t@127.0.0.1:1/homing", "the database 127.0.0.1:1/homing cannot be reached"],
  ["host=127.0.0.1 port=1 password=s3cr3t", "the database named by DATABASE_URL cannot be reached"],
])("an unreachable database is named without its credentials: %s", async (url, reason) => {
  expect(await reachDatabase(open(url), url)).toEqual({ ok: false, reason });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalPostgres, startPostgres } from "@homing/local/postgres";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { migrate } from "../src/migrate.js";

const STARTING_MS_MAX = 60_000;

let cluster: LocalPostgres;

// One of its own: roles belong to a cluster, and the others' tests have made this one.
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), "homing-roles-"));
  cluster = await startPostgres({ directory, durable: false, removeWithOwner: true });
}, STARTING_MS_MAX);

afterAll(async () => {
  await cluster.stop();
  await rm(cluster.directory, { recursive: true, force: true });
});

function urlOf(database: string, login?: string): string {
  const url = Object.assign(new URL(cluster.url), { pathname: `/${database}` });
  return (login === undefined ? url : Object.assign(url, { username: login, password: "secret" })).href;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const RIGHTS = `
  SELECT has_table_privilege('homing_app', 'audit_log', 'SELECT') AS reads, has_any_column_privilege('homing_app', 'audit_log', 'INSERT') AS inserts,
         has_any_column_privilege('homing_app', 'audit_log', 'UPDATE') AS updates, has_table_privilege('homing_app', 'audit_log', 'DELETE, TRUNCATE') AS deletes`;
const GRANTED = [{ reads: true, inserts: true, updates: false, deletes: false }];

test("where roles may not be made the database is migrated all the same, and the group granted its rights once there is one", async () => {
  await query(cluster.url, "CREATE ROLE hosted LOGIN PASSWORD 'secret'");
  await query(cluster.url, "CREATE DATABASE hosted OWNER hosted");
  const url = urlOf("hosted", "hosted");
  expect((await migrate(url)).migrations.length).toBeGreaterThan(0);
  expect(await query(url, "SELECT FROM pg_roles WHERE rolname = 'homing_app'")).toEqual([]);
  await query(cluster.url, "CREATE ROLE homing_app NOLOGIN");
  expect(await migrate(url)).toEqual({ migrations: [], partitions: [] });
  expect(await query(url, RIGHTS)).toEqual(GRANTED);
  await query(cluster.url, "DROP DATABASE hosted");
  await query(cluster.url, "DROP ROLE homing_app");
});

test("several databases of one cluster may be migrated at once: they share the group", async () => {
  const names = ["one", "two", "three"];
  for (const name of names) await query(cluster.url, `CREATE DATABASE ${name}`);
  await Promise.all(names.map((name) => migrate(urlOf(name))));
  for (const name of names) expect(await query(urlOf(name), RIGHTS)).toEqual(GRANTED);
});

test("a table that a later migration makes is granted with it", async () => {
  const url = urlOf("postgres");
  await migrate(url);
  await query(url, "CREATE TABLE later (id int)");
  await migrate(url);
  expect(await query(url, "SELECT has_table_privilege('homing_app', 'later', 'DELETE') AS deletes")).toEqual([
    { deletes: true },
  ]);
});

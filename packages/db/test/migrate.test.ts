import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createTestDatabase, type TestDatabase } from "@homing/local/test-database";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { diffSchema } from "../src/diff.js";
import { migrate } from "../src/migrate.js";
import { NO_FILTERS, readMigrations, withSchemaEngine } from "../src/schema-engine.js";
import { uuidTime, weekStart } from "../src/week.js";

const run = promisify(execFile);
const MIGRATE_CLI = fileURLToPath(new URL("../dist/migrate-cli.js", import.meta.url));
const TABLES = 3;
const WEEKS = 6;

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

async function query<Row>(sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function namesOfMigrations(): Promise<string[]> {
  return (await readMigrations()).migrationDirectories.map(({ path }) => path);
}

test("a new database gets every migration, in order, and six weeks of partitions", async () => {
  const made = await migrate(database.url);
  expect(made.migrations).toEqual(await namesOfMigrations());
  expect(made.partitions).toHaveLength(TABLES * WEEKS);
  const applied = await query<{ migration_name: string }>(
    "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY started_at",
  );
  expect(applied.map(({ migration_name }) => migration_name)).toEqual(await namesOfMigrations());
});

test("a migrated database is left as it is", async () => {
  await migrate(database.url);
  expect(await migrate(database.url)).toEqual({ migrations: [], partitions: [] });
});

test("of two migrators at once one works and the other finds nothing to do", async () => {
  const made = await Promise.all([migrate(database.url), migrate(database.url)]);
  expect(made.map(({ migrations }) => migrations.length).toSorted((a, b) => a - b)).toEqual([
    0,
    (await namesOfMigrations()).length,
  ]);
  expect(made.map(({ partitions }) => partitions.length).toSorted((a, b) => a - b)).toEqual([0, TABLES * WEEKS]);
});

test("a migration that fails leaves nothing behind and may be tried again once its cause is gone", async () => {
  // Stands in the way of the last table of the first migration.
  await query("CREATE VIEW audit_log AS SELECT 1 AS one");
  await expect(migrate(database.url)).rejects.toThrow(/audit_log/);
  expect(await query("SELECT FROM pg_class WHERE relname IN ('organizations', 'events', 'deliveries')")).toEqual([]);
  await query("DROP VIEW audit_log");
  expect((await migrate(database.url)).migrations).toEqual(await namesOfMigrations());
});

test("weeks with rows get the migration after which ids tell when rows were made", async () => {
  const all = await readMigrations();
  const isBefore = ({ path }: { path: string }) => path < "20261130200000_told_by_ids";
  const migrationsList = { ...all, migrationDirectories: all.migrationDirectories.filter(isBefore) };
  await withSchemaEngine(database.url, (engine) => engine.applyMigrations({ migrationsList, filters: NO_FILTERS }));
  const id = uuidv7();
  await query(`
    SELECT homing_make_partition(name, to_timestamp(${weekStart(Date.now()) / 1000}))
    FROM unnest(ARRAY['deliveries', 'attempts']) AS name`);
  await query(`
    INSERT INTO deliveries (id, organization_id, event_id, webhook_id, state) VALUES ('${id}', '${id}', '${id}', '${id}', 'succeeded')`);
  await query(`
    INSERT INTO attempts (id, delivery_id, series, number, trigger, outcome, request_headers, duration_ms)
    VALUES ('${id}', '${id}', 1, 1, 'automatic', 'responded', '{"webhook-id": "evt_1"}', 5)`);
  expect((await migrate(database.url)).migrations).toEqual(["20261130200000_told_by_ids"]);
  expect(await query("SELECT id, faults, homing_uuid_time(id) AS made_at FROM deliveries")).toEqual([
    { id, faults: 0, made_at: uuidTime(id) },
  ]);
  expect(await query("SELECT id, request_headers, signature FROM attempts")).toEqual([
    { id, request_headers: { "webhook-id": "evt_1" }, signature: null },
  ]);
  expect(await diffSchema(database.url)).toBeNull();
});

test("the schema and the migrations agree, and comparing them leaves no shadow database", async () => {
  expect(await diffSchema(database.url)).toBeNull();
  expect(await query("SELECT datname FROM pg_database WHERE datname LIKE 'homing\\_shadow\\_%'")).toEqual([]);
});

test("the command says what it did", async () => {
  const { stdout } = await run(process.execPath, [MIGRATE_CLI], { env: { DATABASE_URL: database.url } });
  const { length } = await namesOfMigrations();
  expect(stdout).toBe(`migrate: ${length} migrations applied, ${TABLES * WEEKS} partitions made\n`);
});

test("the command refuses to guess a database", async () => {
  const refused = run(process.execPath, [MIGRATE_CLI], { env: {} });
  await expect(refused).rejects.toMatchObject({ code: 1, stderr: "migrate: DATABASE_URL is required\n" });
});

test("the command names an unreachable database's fault in one line and exits with 1", async () => {
  const refused = run(process.execPath, [MIGRATE_CLI], {
    env: { DATABASE_URL: "postgresql://u:s3cr3t@127.0.0.1:1/x" },
  });
  await expect(refused).rejects.toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^migrate: [^\n]*ECONNREFUSED[^\n]*\n$/),
  });
});

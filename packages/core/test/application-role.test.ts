import { createDatabase, type Database, Prisma } from "@homing/db/client";
import { WEEK_MS, weekStart } from "@homing/db/week";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { recordAudit } from "../src/audit-log/record.js";
import { SYSTEM } from "../src/audit-log/actor.js";
import { maintain } from "../src/maintenance.js";
import { newDelivery, openWorld, type World } from "./world.js";

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW_MS = Date.now();
const OLD_MS = weekStart(NOW_MS) - 20 * WEEK_MS;

let world: World;
let application: Database;

beforeAll(async () => {
  world = await openWorld();
  application = createDatabase({
    url: await world.loginIn("homing_app"),
    connectionsMax: 2,
    applicationName: "application",
  });
  const { organizationId } = await newDelivery(world);
  await recordAudit(application, SYSTEM, { organizationId, action: "key.created", targetId: organizationId });
});

afterAll(async () => {
  await application.$disconnect();
  await world.close();
});

const nameOf = (table: string, timeMs: number) =>
  `${table}_p${new Date(weekStart(timeMs)).toISOString().slice(0, 10).replaceAll("-", "")}`;

test("the application makes partitions and drops those past their retention", async () => {
  const names = ["deliveries", "events", "attempts"].map((table) => nameOf(table, OLD_MS));
  const retention = { retentionMs: 30 * DAY_MS };
  const old = await maintain({ db: application }, { nowMs: OLD_MS, ...retention });
  expect(old.partitionsMade).toEqual(expect.arrayContaining(names));
  const { partitionsDropped } = await maintain({ db: application }, { nowMs: NOW_MS, ...retention });
  expect(partitionsDropped).toEqual(expect.arrayContaining(names));
  const left = await world.db.$queryRaw`SELECT relname FROM pg_class WHERE relname = ANY (${names})`;
  expect(left).toEqual([]);
});

const REFUSED = [
  "UPDATE audit_log SET action = 'x'",
  "DELETE FROM audit_log",
  "TRUNCATE audit_log",
  "DROP TABLE audit_log",
  "DROP TRIGGER audit_log_append_only ON audit_log",
  "ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only",
  "SELECT homing_trim_audit_log(now())",
  "SELECT homing_grant_application('homing_app')",
  "INSERT INTO audit_log (organization_id, actor_type, action, target_type, target_id, created_at) VALUES (gen_random_uuid(), 'x', 'x', 'x', 'x', now())",
  "UPDATE attempts SET error = 'x'",
  "DELETE FROM attempts",
  "UPDATE events SET payload = '{}'",
  "DELETE FROM events",
  "DELETE FROM deliveries",
  "TRUNCATE deliveries",
  "DROP TABLE deliveries",
  "DROP TABLE webhooks",
  `DROP TABLE ${nameOf("events", NOW_MS)}`,
  `SELECT * FROM ${nameOf("events", NOW_MS)}`,
  "ALTER TABLE webhooks ADD COLUMN x int",
  "CREATE TABLE mine (x int)",
  "CREATE TABLE mine PARTITION OF events DEFAULT",
  "SELECT * FROM _prisma_migrations",
  "CREATE ROLE mine",
  `SELECT homing_drop_partition('events', timestamptz 'epoch' + ${weekStart(NOW_MS) / 1000} * interval '1 second')`,
];

test.each(REFUSED)("the application may not: %s", async (statement) => {
  await expect(application.$executeRawUnsafe(statement)).rejects.toThrow(
    /permission denied|must be owner|denied|not over for a day/,
  );
});

test.each(["webhooks", "audit_log", "pg_class"])("nor make or drop a week of %s", async (table) => {
  const week = new Date(OLD_MS);
  const message = /there is no week/;
  await expect(application.$executeRaw`SELECT homing_make_partition(${table}, ${week})`).rejects.toThrow(message);
  await expect(application.$executeRaw`SELECT homing_drop_partition(${table}, ${week})`).rejects.toThrow(message);
});

test("a table of the application's own does not lead the owner's functions astray", async () => {
  const week = new Date(OLD_MS);
  const dropped = await application.$transaction(async (transaction) => {
    await transaction.$executeRaw`CREATE TEMPORARY TABLE deliveries (id uuid) ON COMMIT DROP`;
    await transaction.$executeRaw`SELECT homing_make_partition('deliveries', ${week})`;
    return transaction.$queryRaw`SELECT homing_drop_partition('deliveries', ${week}) AS is_dropped`;
  });
  expect(dropped).toEqual([{ is_dropped: true }]);
});

test.each(["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])(
  "the owner is kept from it by the trigger: %s",
  async (statement) => {
    await expect(world.db.$executeRawUnsafe(statement)).rejects.toThrow("audit_log is append-only");
  },
);

test("the owner trims the log, and it is append-only after that as before", async () => {
  const count = () => world.db.auditEntry.count();
  expect(await trim(Prisma.sql`now() - interval '1 day'`)).toBe(0n);
  expect(await count()).toBeGreaterThan(0);
  expect(await trim(Prisma.sql`now() + interval '1 day'`)).toBeGreaterThan(0n);
  expect(await count()).toBe(0);
  await expect(world.db.$executeRaw`DELETE FROM audit_log`).rejects.toThrow("audit_log is append-only");
});

async function trim(olderThan: Prisma.Sql): Promise<bigint | undefined> {
  const [row] = await world.db.$queryRaw<{ trimmed: bigint }[]>`SELECT homing_trim_audit_log(${olderThan}) AS trimmed`;
  return row?.trimmed;
}

import type { Database, Transaction } from "./client.js";
import { WEEK_MS, weekStart } from "./week.js";

/** Deliveries first: once a week's are dropped, none of them can be retried while the rest of it goes. */
const PARTITIONED_TABLES = ["deliveries", "events", "attempts"] as const;
const WEEKS_AHEAD = 4;
/** A clock may be behind when a week turns. */
const WEEKS_BEHIND = 1;
/** Only one process changes partitions at a time; any number of them may try. */
const ADVISORY_LOCK = 7_240_001;
const LOCK_TIMEOUT_MS = 5_000;
const TRANSACTION_LIMITS = { maxWait: 5_000, timeout: 20_000 };

type PartitionedTable = (typeof PARTITIONED_TABLES)[number];

interface Partition {
  table: PartitionedTable;
  name: string;
  startMs: number;
}

/** The partition of a week, named by its first day: `events_p20261119`. */
function partitionName(table: PartitionedTable, startMs: number): string {
  return `${table}_p${new Date(startMs).toISOString().slice(0, 10).replaceAll("-", "")}`;
}

/**
 * Makes the weekly partitions of the three big tables (by a function of the tables' owner, so that the application need not be it) from a week ago to four weeks ahead; those that exist stay as they are.
 * @returns the names of the partitions made
 */
export async function makePartitions(db: Database, nowMs: number): Promise<string[]> {
  const present = new Set((await listPartitions(db)).map(({ name }) => name));
  const missing: Partition[] = [];
  for (let week = -WEEKS_BEHIND; week <= WEEKS_AHEAD; week++) {
    const startMs = weekStart(nowMs) + week * WEEK_MS;
    for (const table of PARTITIONED_TABLES) {
      const name = partitionName(table, startMs);
      if (!present.has(name)) missing.push({ table, name, startMs });
    }
  }
  for (const { table, startMs } of missing) {
    await changePartitions(
      db,
      (transaction) =>
        transaction.$executeRaw`SELECT homing_make_partition(${table}, ${new Date(startMs)}::timestamptz)`,
    );
  }
  return missing.map(({ name }) => name);
}

/**
 * Drops the partitions whose whole week is older than the retention: history goes by DROP TABLE, never by DELETE.
 * A week stays as long as a delivery made in it, or of an event published in it, has not come to an end.
 * @returns the names of the partitions dropped
 */
export async function dropPartitions(db: Database, options: { nowMs: number; retentionMs: number }): Promise<string[]> {
  const dropped: string[] = [];
  for (const partition of await listPartitions(db)) {
    if (partition.startMs + WEEK_MS > options.nowMs - options.retentionMs) continue;
    // Looked at before the table is locked as well, so that a week that stays costs nobody a wait.
    if (await hasUnfinished(db, partition)) continue;
    if (await dropFinished(db, partition)) dropped.push(partition.name);
  }
  return dropped;
}

/** @returns whether it was: a retry may have come since it was looked at */
function dropFinished(db: Database, { table, startMs }: Partition): Promise<boolean> {
  return changePartitions(db, async (transaction) => {
    const [row] = await transaction.$queryRaw<{ is_dropped: boolean }[]>`
      SELECT homing_drop_partition(${table}, ${new Date(startMs)}::timestamptz) AS is_dropped`;
    return row?.is_dropped ?? false;
  });
}

/** All partitions of the three tables, in the tables' order. */
async function listPartitions(db: Database): Promise<Partition[]> {
  const rows = await db.$queryRaw<{ name: string; table: PartitionedTable }[]>`
    SELECT child.relname::text AS name, parent.relname::text AS table
    FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
    WHERE parent.relname = ANY (${[...PARTITIONED_TABLES]}) AND parent.relkind = 'p'
      AND parent.relnamespace = current_schema()::regnamespace
    ORDER BY array_position(${[...PARTITIONED_TABLES]}, parent.relname::text), child.relname`;
  return rows.flatMap(({ name, table }) => {
    const day = /_p(\d{4})(\d{2})(\d{2})$/.exec(name);
    return day ? [{ table, name, startMs: Date.parse(`${day[1]}-${day[2]}-${day[3]}T00:00:00Z`) }] : [];
  });
}

/** Whether a delivery made in this week, or of an event published in it, has not come to an end. */
async function hasUnfinished(db: Database, { table, startMs }: Partition): Promise<boolean> {
  const [row] = await db.$queryRaw<{ unfinished: boolean }[]>`
    SELECT homing_is_week_unfinished(${table}, ${new Date(startMs)}::timestamptz) AS unfinished`;
  return row?.unfinished ?? true;
}

/**
 * One table in one transaction: each takes its table for itself, and two held at once would meet, the other way round, the
 * statements that use both.
 */
function changePartitions<Result>(
  db: Database,
  change: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return db.$transaction(async (transaction) => {
    // What changes a table's partitions waits for running statements; new ones must not queue up behind it for long.
    await transaction.$executeRawUnsafe(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
    return await change(transaction);
  }, TRANSACTION_LIMITS);
}

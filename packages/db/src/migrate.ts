import pg from "pg";
import { createDatabase } from "./client.js";
import { makePartitions } from "./partitions.js";
import { NO_FILTERS, readMigrations, withSchemaEngine } from "./schema-engine.js";

const CONNECT_TIMEOUT_MS = 5_000;
/** Two migrators at once: the second waits for the first and then finds nothing to do. */
const ADVISORY_LOCK = 7_240_000;
/** Where roles may not be made there is no such group, and an operator grants a role of their own the same. */
const GRANT_APPLICATION = "SELECT homing_grant_application(rolname) FROM pg_roles WHERE rolname = 'homing_app'";

/**
 * Brings a database to this checkout's schema, grants the application's group what it needs of it, and makes the partitions ahead.
 * Safe to run by several processes at once.
 * @returns the names of the migrations and partitions made
 * @throws the driver's error when the database cannot be reached, Postgres' when it refuses a migration
 */
export async function migrate(url: string): Promise<{ migrations: string[]; partitions: string[] }> {
  const guard = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await guard.connect();
  try {
    await guard.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
    const migrations = await applyMigrations(url);
    await guard.query(GRANT_APPLICATION);
    return { migrations, partitions: await preparePartitions(url) };
  } finally {
    await guard.end();
  }
}

async function applyMigrations(url: string): Promise<string[]> {
  const migrationsList = await readMigrations();
  return withSchemaEngine(url, async (engine) => {
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: NO_FILTERS });
      return appliedMigrationNames;
    } catch (error) {
      // A migration runs in one transaction, so a failed one left nothing: the next run may try it again.
      const { failedMigrationNames } = await engine.diagnoseMigrationHistory({
        migrationsList,
        optInToShadowDatabase: false,
        filters: NO_FILTERS,
      });
      for (const migrationName of failedMigrationNames) await engine.markMigrationRolledBack({ migrationName });
      throw error;
    }
  });
}

async function preparePartitions(url: string): Promise<string[]> {
  const db = createDatabase({ url, connectionsMax: 1, applicationName: "homing-migrate" });
  try {
    return await makePartitions(db, Date.now());
  } finally {
    await db.$disconnect();
  }
}

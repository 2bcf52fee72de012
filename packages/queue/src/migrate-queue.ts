import { runMigrations } from "bullmq";
import { Client } from "pg";
import { POSTGRES_SCHEMA } from "./connection.js";

const CONNECT_TIMEOUT_MS = 5_000;
/** The group that application logins join, made by the database's migrations where roles may be made. */
const APPLICATION = "homing_app";

/**
 * Makes or updates the queue's own schema (`bullmq`) in Postgres; not needed on Redis. One transaction under an advisory
 * lock: run it as often and as concurrently as you like, before queues and workers are created. The application's group may work
 * with its tables, not change them.
 * @param databaseUrl of a role that may create a schema and DDL in it
 * @returns the schema's version
 */
export async function migrateQueue(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    const version = await runMigrations(client, POSTGRES_SCHEMA);
    const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [APPLICATION]);
    if (rowCount === 1) await client.query(GRANT_QUEUE);
    return version;
  } finally {
    await client.end();
  }
}

/** One migrator grants at a time: two would change the same catalogue rows. */
const GRANT_QUEUE = `
  BEGIN;
  SELECT pg_advisory_xact_lock(7240003);
  GRANT USAGE ON SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};
  COMMIT;`;

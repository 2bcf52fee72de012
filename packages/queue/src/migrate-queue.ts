import { runMigrations } from "bullmq";
import { Client } from "pg";
import { POSTGRES_SCHEMA } from "./connection.js";
import { DELIVERY_QUEUE } from "./delivery-job.js";

const CONNECT_TIMEOUT_MS = 5_000;
/** The group that application logins join, made by the database's migrations where roles may be made. */
const APPLICATION = "homing_app";
const ADVISORY_LOCK = 7_240_003;

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
    await prepareForApplication(client);
    return version;
  } finally {
    await client.end();
  }
}

/** BullMQ makes a queue's sequence with its first job, which the application's group may not: it is made here. */
async function prepareForApplication(client: Client): Promise<void> {
  const { rows } = await client.query<{ sequence: string; has_group: boolean }>(
    `SELECT ${POSTGRES_SCHEMA}.job_id_seq_name($1) AS sequence, EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS has_group`,
    [DELIVERY_QUEUE, APPLICATION],
  );
  for (const { sequence, has_group } of rows) {
    await client.query("BEGIN");
    // One migrator at a time: two would change the same rows of the catalogue.
    await client.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
    await client.query(`CREATE SEQUENCE IF NOT EXISTS ${POSTGRES_SCHEMA}.${client.escapeIdentifier(sequence)}`);
    if (has_group) await client.query(GRANTS);
    await client.query("COMMIT");
  }
}

const GRANTS = `
  GRANT USAGE ON SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${POSTGRES_SCHEMA} TO ${APPLICATION};`;

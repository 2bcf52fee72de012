import { runMigrations } from "bullmq";
import { Client } from "pg";
import { POSTGRES_SCHEMA } from "./connection.js";

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Makes or updates the queue's own schema (`bullmq`) in Postgres; not needed on Redis. One transaction under an advisory
 * lock: run it as often and as concurrently as you like, before queues and workers are created.
 * @param databaseUrl of a role that may create a schema and DDL in it
 * @returns the schema's version
 */
export async function migrateQueue(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    return await runMigrations(client, POSTGRES_SCHEMA);
  } finally {
    await client.end();
  }
}

import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./generated/client.js";
import { PREPARED_SETTINGS, preparedName, withPrepared } from "./prepared.js";

export { Prisma };

const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_MS_MAX = 10_000;
const IDLE_CONNECTION_MS = 30_000;
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000;
/** Each kind of prepared statement runs in batches, of which two are under way at once. */
const PREPARED_CONNECTIONS_MAX = 4;

export type Database = PrismaClient;
/** The client inside `$transaction`. */
export type Transaction = Omit<PrismaClient, "$connect" | "$disconnect" | "$on" | "$transaction" | "$extends">;

/**
 * Connections to Postgres: one pool, and beside it one of at most four for prepared statements (see prepared.ts). Nothing is dialled
 * before the first query.
 * @param options.connectionsMax of the first pool; a caller waits at most 3 s for a connection, then gets an error
 * @param options.statementMsMax for one statement, 10 s unless told
 */
export function createDatabase(options: {
  url: string;
  connectionsMax: number;
  applicationName: string;
  statementMsMax?: number;
}): Database {
  const { statementMsMax = STATEMENT_MS_MAX } = options;
  const config = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    statement_timeout: statementMsMax,
    query_timeout: statementMsMax + 1_000,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
  };
  const usual = { ...config, max: options.connectionsMax };
  const prepared = {
    ...config,
    max: Math.min(PREPARED_CONNECTIONS_MAX, options.connectionsMax),
    options: PREPARED_SETTINGS,
  };
  const names = { statementNameGenerator: preparedName };
  const adapter = withPrepared(new PrismaPg(usual, names), new PrismaPg(prepared, names));
  return new PrismaClient({ adapter, errorFormat: "minimal" });
}

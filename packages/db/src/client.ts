import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "./generated/client.js";
import { PREPARED_SETTINGS, preparedName, withPrepared } from "./prepared.js";

export { Prisma };

const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_MS_MAX = 10_000;
const IDLE_CONNECTION_MS = 30_000;
/** What it has prepared, and needs no more, goes with it: each week has statements of its own (decision 22). */
const PREPARED_CONNECTION_SECONDS_MAX = 24 * 60 * 60;
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000;

export type Database = PrismaClient;
/** The client inside `$transaction`. */
export type Transaction = Omit<PrismaClient, "$connect" | "$disconnect" | "$on" | "$transaction" | "$extends">;

/**
 * Connections to Postgres: one pool, and beside it one of the same size for prepared statements (see prepared.ts). Nothing is dialled
 * before it is needed.
 * @param options.connectionsMax of each pool; a caller waits at most 3 s for a connection, then gets an error
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
    max: options.connectionsMax,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    statement_timeout: statementMsMax,
    query_timeout: statementMsMax + 1_000,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
  };
  const names = { statementNameGenerator: preparedName };
  const prepared = new PrismaPg(
    { ...config, options: PREPARED_SETTINGS, maxLifetimeSeconds: PREPARED_CONNECTION_SECONDS_MAX },
    names,
  );
  const adapter = withPrepared(new PrismaPg(config, names), prepared);
  return new PrismaClient({ adapter, errorFormat: "minimal" });
}

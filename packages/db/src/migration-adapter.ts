import { randomUUID } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  ColumnTypeEnum,
  type ErrorCapturingSqlMigrationAwareDriverAdapterFactory,
  type SqlDriverAdapter,
  bindMigrationAwareSqlAdapterFactory,
} from "@prisma/driver-adapter-utils";
import type pg from "pg";
import { parseIntoClientConfig } from "pg-connection-string";

const CONNECT_TIMEOUT_MS = 5_000;
/** Where the engine asks for a "char", and the names it gives these columns. */
const CHAR_EXPRESSIONS = /\b(con1?\.confdeltype|con1?\.confupdtype|constr\.contype)\b/g;
const CHAR_COLUMNS = new Set(["confdeltype", "confupdtype", "constraint_type"]);

export interface MigrationAdapter {
  factory: ErrorCapturingSqlMigrationAwareDriverAdapterFactory;
  /** What Postgres said to the script that failed; the engine's own error only numbers it. */
  scriptError(): Error | null;
  /** Ends the engine's connections, which it leaves open with its advisory lock. */
  close(): Promise<void>;
}

/**
 * The driver under the schema engine, with the faults of `PrismaPg` 7.10 mended: its `executeScript` cuts a script at every
 * semicolon, also inside comments and function bodies; given a connection string, it replays migrations in the very database
 * it was pointed at instead of a shadow database, which it then drops while still connected to it; and it cannot read the
 * type "char", which the engine asks for when it describes constraints.
 */
export function createMigrationAdapter(url: string): MigrationAdapter {
  const config = { ...parseIntoClientConfig(url), connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
  const prismaPg = new PrismaPg(config);
  const connected: SqlDriverAdapter[] = [];
  let scriptError: Error | null = null;
  const onScriptError = (error: unknown) => {
    scriptError = error instanceof Error ? error : new Error(String(error));
  };
  return {
    factory: bindMigrationAwareSqlAdapterFactory({
      provider: prismaPg.provider,
      adapterName: prismaPg.adapterName,
      async connect() {
        const adapter = mendDriver(await prismaPg.connect(), onScriptError);
        connected.push(adapter);
        return adapter;
      },
      connectToShadowDb: () => connectToShadowDatabase(config, onScriptError),
    }),
    scriptError: () => scriptError,
    async close() {
      for (const adapter of connected.splice(0)) await adapter.dispose();
    },
  };
}

function mendDriver<Adapter extends SqlDriverAdapter & { underlyingDriver(): pg.Pool }>(
  adapter: Adapter,
  onScriptError: (error: unknown) => void,
): Adapter {
  // As one simple query, which Postgres runs in one transaction: a migration applies in full or not at all.
  adapter.executeScript = async (script) => {
    try {
      await adapter.underlyingDriver().query(script);
    } catch (error) {
      onScriptError(error);
      throw error;
    }
  };
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw({ ...query, sql: query.sql.replaceAll(CHAR_EXPRESSIONS, "$&::text") });
    const columnTypes = result.columnTypes.map((type, index) =>
      CHAR_COLUMNS.has(result.columnNames[index] ?? "") ? ColumnTypeEnum.Character : type,
    );
    return { ...result, columnTypes };
  };
  return adapter;
}

async function connectToShadowDatabase(
  config: pg.PoolConfig,
  onScriptError: (error: unknown) => void,
): Promise<SqlDriverAdapter> {
  const database = `homing_shadow_${randomUUID()}`;
  const owner = await new PrismaPg(config).connect();
  await owner.underlyingDriver().query(`CREATE DATABASE "${database}"`);
  const shadow = mendDriver(await new PrismaPg({ ...config, database }).connect(), onScriptError);
  const disconnect = shadow.dispose.bind(shadow);
  shadow.dispose = async () => {
    await disconnect();
    await owner.underlyingDriver().query(`DROP DATABASE "${database}" WITH (FORCE)`);
    await owner.dispose();
  };
  return shadow;
}

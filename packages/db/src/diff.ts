import { NO_FILTERS, readMigrations, schemaTarget, withSchemaEngine } from "./schema-engine.js";

/**
 * The SQL that leads from what the migrations make to what the schema says; null when they agree.
 * @param url a database whose user may create databases: the migrations are replayed in a shadow database
 */
export async function diffSchema(url: string): Promise<string | null> {
  const migrations = await readMigrations();
  const to = await schemaTarget();
  const { stdout, exitCode } = await withSchemaEngine(url, (engine) =>
    engine.diff({
      from: { tag: "migrations", ...migrations },
      to,
      script: true,
      exitCode: true,
      filters: NO_FILTERS,
    }),
  );
  return exitCode === 0 ? null : (stdout ?? "");
}

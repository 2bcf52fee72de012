import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { DiffTarget, MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { createMigrationAdapter } from "./migration-adapter.js";

const PRISMA_DIRECTORY = fileURLToPath(new URL("../../../prisma", import.meta.url));
export const MIGRATIONS_DIRECTORY = path.join(PRISMA_DIRECTORY, "migrations");
const SCHEMA_FILE = path.join(PRISMA_DIRECTORY, "schema.prisma");
const LOCK_FILE = "migration_lock.toml";

/** No tables of ours are managed elsewhere; BullMQ's live in a schema that Prisma does not look into. */
export const NO_FILTERS = { externalTables: [], externalEnums: [] };

/**
 * Works with Prisma's own migration engine as WebAssembly, on our driver: nothing is downloaded, and `_prisma_migrations` is
 * the table that `prisma migrate` reads.
 * @throws the engine's error, or Postgres' own where it refused a script
 */
export async function withSchemaEngine<Result>(
  url: string,
  work: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  const engines = await (loading ??= loadEngines());
  const schema = await readFile(SCHEMA_FILE, "utf8");
  const adapter = createMigrationAdapter(url);
  try {
    const datamodels: [string, string][] = [[SCHEMA_FILE, schema]];
    const engine = await engines.SchemaEngine.new({ datamodels }, () => undefined, adapter.factory);
    try {
      return await work(engine);
    } finally {
      engine.free();
    }
  } catch (error) {
    throw adapter.scriptError() ?? error;
  } finally {
    await adapter.close();
  }
}

type Engines = typeof import("@prisma/schema-engine-wasm/schema_engine_bg");

/** The module keeps views of one instance's memory: a second instance in the process would be read through the first's. */
let loading: Promise<Engines> | undefined;

async function loadEngines(): Promise<Engines> {
  const module = await import("@prisma/schema-engine-wasm/schema_engine_bg");
  const modulePath = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const bytes = await readFile(modulePath.replace(/\.js$/, ".wasm"));
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": { ...module } });
  module.__wbg_set_wasm(instance.exports);
  startWasm(instance.exports);
  return module;
}

/** The migrations of this checkout, in the engine's words. */
export async function readMigrations(): Promise<MigrationList> {
  const entries = await readdir(MIGRATIONS_DIRECTORY, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = names.toSorted().map(async (name) => {
    const content = await readFile(path.join(MIGRATIONS_DIRECTORY, name, "migration.sql"), "utf8");
    return { path: name, migrationFile: { path: "migration.sql", content: { tag: "ok" as const, value: content } } };
  });
  return {
    baseDir: MIGRATIONS_DIRECTORY,
    lockfile: { path: LOCK_FILE, content: await readFile(path.join(MIGRATIONS_DIRECTORY, LOCK_FILE), "utf8") },
    shadowDbInitScript: "",
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

/** The schema file as one side of a comparison. */
export async function schemaTarget(): Promise<DiffTarget> {
  return {
    tag: "schemaDatamodel",
    files: [{ path: SCHEMA_FILE, content: await readFile(SCHEMA_FILE, "utf8") }],
  };
}

function startWasm(exports: WebAssembly.Exports): void {
  const start = exports["__wbindgen_start"];
  if (typeof start !== "function") throw new Error("the schema engine has no start function");
  start();
}

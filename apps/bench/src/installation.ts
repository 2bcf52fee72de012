import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Database, createDatabase } from "@homing/db/client";
import { freePort } from "@homing/local/free-port";
import { startPostgres } from "@homing/local/postgres";
import { startRedis } from "@homing/local/redis";
import { type Backend, inheritedEnv } from "./config.js";
import { type LoadProcess, startLoadProcess } from "./load-process.js";
import { type Program, startProgram } from "./program.js";
import { type SinkProcess, startSink } from "./sink-process.js";

const ENCRYPTION_KEY_BYTES = 32;
const API_KEY_BYTES = 32;
const SHUTDOWN_GRACE_MS = 4_000;
const CONNECTIONS_MAX = 2;

const WORKSPACES = new URL("../../../", import.meta.url);
const SCRIPTS = {
  api: fileURLToPath(new URL("apps/api/dist/main.js", WORKSPACES)),
  worker: fileURLToPath(new URL("apps/worker/dist/main.js", WORKSPACES)),
  migrate: fileURLToPath(new URL("packages/db/dist/migrate-cli.js", WORKSPACES)),
  migrateQueue: fileURLToPath(new URL("packages/queue/dist/migrate-cli.js", WORKSPACES)),
};

export interface InstallationOptions {
  backend: Backend;
  workers: number;
  /** Attempts under way at once in each worker. */
  concurrency: number;
  isIsolating: boolean;
}

/** All of Homing as real processes on loopback, with a load generator and a sink beside it. */
export interface Installation {
  apiUrl: string;
  /** Of the first organization. */
  key: string;
  db: Database;
  sink: SinkProcess;
  load: LoadProcess;
  programs: readonly Program[];
}

/** What was started, to be undone last first, also after a start that failed half way. */
export type Undo = (() => Promise<unknown>)[];

export async function startInstallation(options: InstallationOptions, undo: Undo): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), "homing-bench-"));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const env = await startStores(options, { directory, undo });
  const sink = await startSink();
  undo.push(() => sink.stop());
  const load = startLoadProcess();
  undo.push(() => load.stop());
  const key = `hom_${randomBytes(API_KEY_BYTES).toString("base64url")}`;
  const programs: Program[] = [];
  const start = async (kind: "api" | "worker", number: number): Promise<number> => {
    const port = await freePort();
    const own = kind === "api" ? { PORT: String(port), HOMING_API_KEY: key } : { WORKER_HEALTH_PORT: String(port) };
    const name = `${kind}-${number}`;
    const logFile = join(directory, `${name}.log`);
    const program = await startProgram({ name, script: SCRIPTS[kind], port, env: { ...env.all, ...own }, logFile });
    undo.push(() => program.stop());
    programs.push(program);
    return port;
  };
  const apiPort = await start("api", 1);
  for (let number = 1; number <= options.workers; number++) await start("worker", number);
  const db = createDatabase({ url: env.databaseUrl, connectionsMax: CONNECTIONS_MAX, applicationName: "homing-bench" });
  undo.push(() => db.$disconnect());
  return { apiUrl: `http://127.0.0.1:${apiPort}`, key, db, sink, load, programs };
}

/** Undoes every step, whatever one of them throws. */
export async function undoAll(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).toReversed()) {
    await step().catch((error: unknown) => process.stderr.write(`bench: not undone: ${String(error)}\n`));
  }
}

/** @returns the environment of every program */
async function startStores(
  { backend, concurrency, isIsolating }: InstallationOptions,
  { directory, undo }: { directory: string; undo: Undo },
): Promise<{ databaseUrl: string; all: NodeJS.ProcessEnv }> {
  const postgres = await startPostgres({
    directory: join(directory, "postgres"),
    durable: true,
    removeWithOwner: true,
  });
  undo.push(() => rm(postgres.directory, { recursive: true, force: true }));
  undo.push(() => postgres.stop());
  const redis = backend === "redis" ? await startRedis({ appendOnly: true, directory }) : null;
  if (redis !== null) undo.push(() => redis.stop());
  const all = {
    DATABASE_URL: postgres.url,
    ...(redis !== null && { REDIS_URL: redis.url }),
    HOMING_ENCRYPTION_KEYS: `k1:${randomBytes(ENCRYPTION_KEY_BYTES).toString("base64")}`,
    EGRESS_ALLOW: "127.0.0.0/8",
    WORKER_CONCURRENCY: String(concurrency),
    WORKER_ISOLATION: String(isIsolating),
    SHUTDOWN_GRACE_MS: String(SHUTDOWN_GRACE_MS),
    LOG_LEVEL: "warn",
  };
  const run = promisify(execFile);
  const scripts = backend === "postgres" ? [SCRIPTS.migrate, SCRIPTS.migrateQueue] : [SCRIPTS.migrate];
  for (const script of scripts) await run(process.execPath, [script], { env: { ...inheritedEnv(), ...all } });
  return { databaseUrl: postgres.url, all };
}

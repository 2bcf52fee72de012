import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Database, createDatabase } from "@homing/db/client";
import { CERTIFICATE } from "@homing/local/certificate";
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
/** To fill a database and to audit it. */
const STATEMENT_MS_MAX = 10 * 60_000;

const WORKSPACES = new URL("../../../", import.meta.url);
const SCRIPTS = {
  api: fileURLToPath(new URL("apps/api/dist/main.js", WORKSPACES)),
  worker: fileURLToPath(new URL("apps/worker/dist/main.js", WORKSPACES)),
  migrate: fileURLToPath(new URL("packages/db/dist/migrate-cli.js", WORKSPACES)),
  migrateQueue: fileURLToPath(new URL("packages/queue/dist/migrate-cli.js", WORKSPACES)),
};

export interface InstallationOptions {
  backend: Backend;
  /** That are started at once. */
  workers: number;
  /** Attempts under way at once in each worker. */
  concurrency: number;
  isIsolating: boolean;
}

/** The processes of an installation, by their kind. */
export interface Pids {
  api: number[];
  worker: number[];
  postgres: number[];
  redis: number[];
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
  pids: Pids;
  databaseUrl: string;
  redisUrl: string | null;
  startWorker: () => Promise<Program>;
  /** Starts another program of the bench's own with this installation's environment. */
  startOther: (name: string, script: string) => Promise<{ program: Program; url: string }>;
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
  const pids: Pids = { api: [], worker: [], ...env.pids };
  const start = async (name: string, script: string, own: (port: string) => NodeJS.ProcessEnv) => {
    const port = await freePort();
    const logFile = join(directory, `${name}.log`);
    const program = await startProgram({ name, script, port, env: { ...env.all, ...own(String(port)) }, logFile });
    undo.push(() => program.stop());
    programs.push(program);
    return { program, url: `http://127.0.0.1:${port}` };
  };
  const startWorker = async (): Promise<Program> => {
    const name = `worker-${pids.worker.length + 1}`;
    const { program } = await start(name, SCRIPTS.worker, (port) => ({ WORKER_HEALTH_PORT: port }));
    pids.worker.push(program.pid);
    return program;
  };
  const api = await start("api", SCRIPTS.api, (port) => ({ PORT: port, HOMING_API_KEY: key }));
  pids.api.push(api.program.pid);
  for (let number = 1; number <= options.workers; number++) await startWorker();
  const db = createDatabase({
    url: env.databaseUrl,
    connectionsMax: CONNECTIONS_MAX,
    applicationName: "homing-bench",
    statementMsMax: STATEMENT_MS_MAX,
  });
  undo.push(() => db.$disconnect());
  return {
    apiUrl: api.url,
    key,
    db,
    sink,
    load,
    programs,
    pids,
    databaseUrl: env.databaseUrl,
    redisUrl: env.redisUrl,
    startWorker,
    startOther: (name, script) => start(name, script, (port) => ({ PORT: port })),
  };
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
): Promise<{
  databaseUrl: string;
  redisUrl: string | null;
  all: NodeJS.ProcessEnv;
  pids: Pick<Pids, "postgres" | "redis">;
}> {
  const postgres = await startPostgres({
    directory: join(directory, "postgres"),
    durable: true,
    removeWithOwner: true,
  });
  undo.push(() => rm(postgres.directory, { recursive: true, force: true }));
  undo.push(() => postgres.stop());
  const redis = backend === "redis" ? await startRedis({ appendOnly: true, directory }) : null;
  if (redis !== null) undo.push(() => redis.stop());
  const authoritiesFile = join(directory, "authorities.pem");
  await writeFile(authoritiesFile, CERTIFICATE);
  const all = {
    NODE_EXTRA_CA_CERTS: authoritiesFile,
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
  return {
    databaseUrl: postgres.url,
    redisUrl: redis?.url ?? null,
    all,
    pids: { postgres: [postgres.pid], redis: redis === null ? [] : [redis.pid] },
  };
}

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@homing/local/free-port";
import { type Backend, inheritedEnv } from "./config.js";
import { type PostgresServer, startPostgresServer } from "./postgres-server.js";
import { createProgram, type Program } from "./program.js";
import { type ReceiversProcess, startReceiversProcess } from "./receivers-process.js";
import { type RedisServer, startRedisServer } from "./redis-server.js";

/** Slots of each worker. */
const WORKER_CONCURRENCY = 200;

const ENCRYPTION_KEY_BYTES = 32;
const API_KEY_BYTES = 32;
// An ill receiver is left waiting for no longer than its deadline of 3 s; the rest is for recording.
const SHUTDOWN_GRACE_MS = 8_000;

const WORKSPACES = new URL("../../../", import.meta.url);
const SCRIPTS = {
  api: fileURLToPath(new URL("apps/api/dist/main.js", WORKSPACES)),
  worker: fileURLToPath(new URL("apps/worker/dist/main.js", WORKSPACES)),
  migrate: fileURLToPath(new URL("packages/db/dist/migrate-cli.js", WORKSPACES)),
  migrateQueue: fileURLToPath(new URL("packages/queue/dist/migrate-cli.js", WORKSPACES)),
};

type Pair = readonly [Program, Program];

/** All of Homing as real processes on loopback: what the faults strike. */
export interface Installation {
  apis: Pair;
  workers: Pair;
  postgres: PostgresServer;
  /** null: the queue is kept in Postgres */
  redis: RedisServer | null;
  receivers: ReceiversProcess;
  /** Of the first organization. */
  key: string;
  directory: string;
}

/** Undoes what was started, last first, also after a start that failed half way. */
export interface Undo {
  steps: (() => Promise<unknown>)[];
}

/** Starts everything and waits until it is ready. */
export async function startInstallation(
  backend: Backend,
  { seed, undo, signal }: { seed: number; undo: Undo; signal: AbortSignal },
): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), "homing-chaos-"));
  undo.steps.push(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, "logs"));
  const postgres = await startPostgresServer(directory);
  undo.steps.push(() => postgres.remove());
  const redis = backend === "redis" ? await startRedisServer(directory) : null;
  if (redis !== null) undo.steps.push(() => redis.remove());
  const receivers = await startReceiversProcess({ seed, logFile: join(directory, "requests.jsonl") });
  undo.steps.push(() => receivers.finish());
  const key = `hom_${randomBytes(API_KEY_BYTES).toString("base64url")}`;
  const env = environment({ key, databaseUrl: postgres.url, redisUrl: redis?.url ?? null });
  await migrate(backend, env);
  const program = async (kind: "api" | "worker", number: number): Promise<Program> => {
    const port = await freePort();
    const own = { [kind === "api" ? "PORT" : "WORKER_HEALTH_PORT"]: String(port) };
    const logFile = join(directory, "logs", `${kind}-${number}.log`);
    return createProgram({
      name: `${kind} ${number}`,
      script: SCRIPTS[kind],
      port,
      env: { ...env, ...own },
      logFile,
      signal,
    });
  };
  const apis: Pair = [await program("api", 1), await program("api", 2)];
  const workers: Pair = [await program("worker", 1), await program("worker", 2)];
  undo.steps.push(() => Promise.all([...apis, ...workers].map((one) => one.end("SIGTERM"))));
  // The first one makes the organization.
  for (const one of [...apis, ...workers]) await one.start();
  return { apis, workers, postgres, redis, receivers, key, directory };
}

/** Undoes every step, whatever one of them throws. */
export async function undoAll({ steps }: Undo): Promise<void> {
  for (const step of steps.splice(0).toReversed()) {
    await step().catch((error: unknown) => process.stderr.write(`chaos: not undone: ${String(error)}\n`));
  }
}

function environment(options: { key: string; databaseUrl: string; redisUrl: string | null }): NodeJS.ProcessEnv {
  return {
    DATABASE_URL: options.databaseUrl,
    ...(options.redisUrl !== null && { REDIS_URL: options.redisUrl }),
    HOMING_API_KEY: options.key,
    HOMING_ENCRYPTION_KEYS: `k1:${randomBytes(ENCRYPTION_KEY_BYTES).toString("base64")}`,
    EGRESS_ALLOW: "127.0.0.0/8",
    WORKER_CONCURRENCY: String(WORKER_CONCURRENCY),
    SHUTDOWN_GRACE_MS: String(SHUTDOWN_GRACE_MS),
    LOG_LEVEL: "warn",
  };
}

async function migrate(backend: Backend, env: NodeJS.ProcessEnv): Promise<void> {
  const run = promisify(execFile);
  const scripts = backend === "postgres" ? [SCRIPTS.migrate, SCRIPTS.migrateQueue] : [SCRIPTS.migrate];
  for (const script of scripts) await run(process.execPath, [script], { env: { ...inheritedEnv(), ...env } });
}

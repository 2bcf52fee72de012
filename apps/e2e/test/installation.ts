import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@homing/local/free-port";
import { type LocalRedis, startRedis } from "@homing/local/redis";
import { type TestDatabase, createTestDatabase } from "@homing/local/test-database";
import { createDatabase, type Database } from "@homing/db/client";
import type { Backend } from "./backends.js";
import { type Client, createClient } from "./client.js";
import { type HomingProcess, startHomingProcess } from "./homing-process.js";
import { templateFor } from "./template.js";

const LOOPBACK = "127.0.0.0/8,::1/128";
const ENCRYPTION_KEY_BYTES = 32;
const TEST_CONNECTIONS_MAX = 3;

type Environment = Record<string, string>;

export interface InstallationOptions {
  backend: Backend;
  /** 1 unless told. */
  workers?: number;
  /** What its Redis asks for; it then keeps an append-only file, too. */
  redisPassword?: string;
  /** Added to what the API is told; an empty text counts as unset. */
  apiEnv?: Environment;
  /** Added to what each worker is told. */
  workerEnv?: Environment;
}

/** A Homing of its own: database, Redis, an API and workers as real processes on loopback. */
export interface Installation {
  client: Client;
  url: string;
  /** Of the first organization. */
  key: string;
  operator: { username: string; password: string };
  /** As HOMING_ENCRYPTION_KEYS has them. */
  encryptionKeys: string;
  /** Of the tables' owner; API and workers run as a login in the application's group. */
  databaseUrl: string;
  /** The tests' own connections to its database. */
  db: Database;
  /** null on the Postgres backend */
  redis: LocalRedis | null;
  /** The API that was started first. */
  api: HomingProcess;
  /** Those that were started with it. */
  workers: HomingProcess[];
  /** The directory of a Redis with a password. */
  redisDirectory: string;
  /** Every process that runs now. */
  running(): HomingProcess[];
  /** Another API; at the installation's own address unless `port` is given. The caller sees to it that the port is free. */
  startApi(options?: { port?: number; env?: Environment }): Promise<HomingProcess>;
  startWorker(env?: Environment): Promise<HomingProcess>;
  /** A new Redis at the old address, empty unless it has a password. */
  restartRedis(): Promise<void>;
  /** The ends of all processes' logs. */
  tails(): string;
  /** All that every process logged, under its name. */
  logs(): { name: string; text: string }[];
  /**
   * Stops every process that still runs with SIGTERM, and removes all traces.
   * @throws when one of them, now or before, ended by itself or with another status than 0
   */
  stop(): Promise<void>;
}

/** Starts an installation and waits until all of it is ready. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { backend, workers = 1, redisPassword: password } = options;
  const database = await createTestDatabase({ template: await templateFor(backend) });
  const directory = await mkdtemp(join(tmpdir(), "homing-e2e-"));
  const redisDirectory = await mkdtemp(join(directory, "redis-"));
  const redisOptions = password === undefined ? {} : { password, appendOnly: true, directory: redisDirectory };
  const redis = backend === "redis" ? await startRedis(redisOptions) : null;
  const port = await freePort();
  const key = `hom_${randomBytes(32).toString("base64url")}`;
  const operator = { username: "ops", password: randomBytes(12).toString("hex") };
  const encryptionKeys = `k1:${randomBytes(ENCRYPTION_KEY_BYTES).toString("base64")}`;
  const env = {
    DATABASE_URL: await database.loginIn("homing_app"),
    ...(redis && { REDIS_URL: redis.url }),
    HOMING_API_KEY: key,
    HOMING_ENCRYPTION_KEYS: encryptionKeys,
    OPS_USERNAME: operator.username,
    OPS_PASSWORD: operator.password,
    EGRESS_ALLOW: LOOPBACK,
    LOG_LEVEL: "info",
  };
  const started: HomingProcess[] = [];
  const url = `http://127.0.0.1:${port}`;

  const counts = { api: 0, worker: 0 };

  async function startOne(kind: "api" | "worker", own: Environment, at: number): Promise<HomingProcess> {
    counts[kind] += 1;
    const name = `${kind} ${counts[kind]}`;
    const variables = { ...env, ...own, [kind === "api" ? "PORT" : "WORKER_HEALTH_PORT"]: String(at) };
    const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
    const logFile = join(directory, `${name.replace(" ", "-")}.log`);
    const process = await startHomingProcess({ kind, name, port: at, env: set, logFile });
    started.push(process);
    return process;
  }

  const installation: Omit<Installation, "api" | "workers"> = {
    client: createClient(url, key),
    url,
    key,
    operator,
    encryptionKeys,
    databaseUrl: database.url,
    db: createDatabase({ url: database.url, connectionsMax: TEST_CONNECTIONS_MAX, applicationName: "homing-e2e" }),
    redis,
    redisDirectory,
    startApi: (own = {}) => startOne("api", { ...options.apiEnv, ...own.env }, own.port ?? port),
    startWorker: async (own = {}) => startOne("worker", { ...options.workerEnv, ...own }, await freePort()),
    async restartRedis() {
      if (redis === null) throw new Error("this installation has no Redis");
      await this.redis?.stop();
      this.redis = await startRedis({ port: redis.port, ...redisOptions });
    },
    running: () => started.filter((process) => process.isRunning()),
    tails: () => started.map((process) => `--- ${process.name}\n${process.tail()}`).join("\n"),
    logs: () => started.map((process) => ({ name: process.name, text: process.log() })),
    stop() {
      return stopAll({ started, db: this.db, redis: this.redis, database, directory });
    },
  };
  try {
    const api = await installation.startApi();
    const running = await Promise.all(Array.from({ length: workers }, () => installation.startWorker()));
    return Object.assign(installation, { api, workers: running });
  } catch (error) {
    await installation.stop();
    throw error;
  }
}

interface Parts {
  started: HomingProcess[];
  db: Database;
  redis: LocalRedis | null;
  database: TestDatabase;
  directory: string;
}

async function stopAll({ started, db, redis, database, directory }: Parts): Promise<void> {
  const faults = await Promise.all(started.map(stopOne));
  await db.$disconnect();
  await redis?.stop();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
  const [fault] = faults.filter((text) => text !== null);
  if (fault !== undefined) throw new Error(fault);
}

async function stopOne(process: HomingProcess): Promise<string | null> {
  if (process.isRunning()) process.kill("SIGTERM");
  const status = await process.exited;
  return status === 0 || process.isKilled() ? null : `${process.name} ended with ${status}:\n${process.tail()}`;
}

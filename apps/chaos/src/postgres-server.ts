import { rm } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@homing/local/free-port";
import { type LocalPostgres, startPostgres } from "@homing/local/postgres";
import { waitFor } from "@homing/local/wait-for";
import pg from "pg";

const START_MS_MAX = 30_000;

/** The run's Postgres, durable as in production, always at the same address with the same data. */
export interface PostgresServer {
  /** Of the superuser. */
  url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

export async function startPostgresServer(directory: string): Promise<PostgresServer> {
  const port = await freePort();
  const open = (): Promise<LocalPostgres> =>
    startPostgres({ directory: join(directory, "postgres"), port, durable: true, removeWithOwner: true });
  let running = await open();
  return {
    url: running.url,
    async start() {
      // After a kill the old one's children leave its shared memory a moment later.
      const started = waitFor(() => open().catch(() => null), {
        what: "Postgres to start again",
        timeoutMs: START_MS_MAX,
      });
      running = await started;
    },
    stop: () => running.stop(),
    async kill() {
      process.kill(running.pid, "SIGKILL");
      await running.exited;
    },
    async remove() {
      await running.stop();
      await rm(running.directory, { recursive: true, force: true });
    },
  };
}

/** Connections that outlive Postgres' absences: the pool makes new ones. */
export function createPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 2_000, allowExitOnIdle: true });
  pool.on("error", () => undefined);
  return pool;
}

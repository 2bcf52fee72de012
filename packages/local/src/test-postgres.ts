import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTestPostgresUrl, testPostgresUrl } from "./config.js";
import { type LocalPostgres, startPostgres } from "./postgres.js";

let running: LocalPostgres | null = null;

/** Starts this Jest run's Postgres, in a directory of its own, unless HOMING_TEST_POSTGRES_URL names one. For the global set-up. */
export async function startTestPostgres(): Promise<void> {
  if (testPostgresUrl() !== null) return;
  const directory = await mkdtemp(join(tmpdir(), "homing-test-"));
  running = await startPostgres({ directory, durable: false, removeWithOwner: true });
  setTestPostgresUrl(running.url);
}

/** Stops it and removes its data. For the global tear-down. */
export async function stopTestPostgres(): Promise<void> {
  if (running === null) return;
  await running.stop();
  await rm(running.directory, { recursive: true, force: true });
  running = null;
}

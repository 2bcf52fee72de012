import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { PostgresHome } from "./postgres-home.js";
import { processCommand } from "./process-command.js";
import { waitFor } from "./wait-for.js";

const SUPERUSER = "postgres";
const PASSWORD_BYTES = 24;
const ORPHAN_TIMEOUT_MS = 30_000;
const SETTLE_MS = 300;

const run = promisify(execFile);

export interface PostgresCluster {
  /** Postgres's data directory. */
  data: string;
  user: string;
  password: string;
}

/**
 * The cluster in this home, made at the first time. initdb works beside it and the result is moved into place whole, so that one
 * that was interrupted leaves nothing half done.
 * @param options.durable false: initdb does not wait for the disk
 */
export async function openCluster(home: PostgresHome, options: { durable: boolean }): Promise<PostgresCluster> {
  const data = join(home.directory, "data");
  const passwordFile = join(home.directory, "password");
  if (!(await isDirectory(data))) await createCluster(home, { data, passwordFile, durable: options.durable });
  const password = (await readFile(passwordFile, "utf8")).trim();
  return { data, user: SUPERUSER, password };
}

async function createCluster(
  home: PostgresHome,
  options: { data: string; passwordFile: string; durable: boolean },
): Promise<void> {
  const unfinished = `${options.data}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await rm(options.passwordFile, { force: true });
  await writeFile(options.passwordFile, `${randomBytes(PASSWORD_BYTES).toString("hex")}\n`, { mode: 0o600 });
  if (home.identity) await chown(options.passwordFile, home.identity.uid, home.identity.gid);
  // Postgres's own C.UTF-8, for not every system has that locale.
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
  const access = ["--auth=scram-sha-256", `--username=${SUPERUSER}`, `--pwfile=${options.passwordFile}`];
  const args = [`--pgdata=${unfinished}`, ...locale, ...access, ...(options.durable ? [] : ["--no-sync"])];
  await run(home.binaries.initdb, args, { cwd: home.directory, env: { LC_ALL: "C" }, ...home.identity });
  await rename(unfinished, options.data);
}

/**
 * Makes way for a new Postgres on this data: one that an earlier owner left running is stopped in good order, a pid file that names
 * a process which is gone, or by now another program, is removed (Postgres itself would refuse to start on the latter).
 */
export async function clearFormerServer(cluster: PostgresCluster): Promise<void> {
  const pidFile = join(cluster.data, "postmaster.pid");
  const pid = await readPid(pidFile);
  if (pid === null) return;
  const isServing = async () => (await processCommand(pid))?.includes(cluster.data) === true;
  if (await isServing()) {
    process.kill(pid, "SIGINT");
    const what = `the Postgres that was left running (process ${pid}) to stop`;
    await waitFor(async () => !(await isServing()), { what, timeoutMs: ORPHAN_TIMEOUT_MS });
    // Its children leave the shared memory a moment later.
    await sleep(SETTLE_MS);
  }
  await rm(pidFile, { force: true });
}

async function readPid(file: string): Promise<number | null> {
  try {
    const pid = Number((await readFile(file, "utf8")).split("\n")[0]);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

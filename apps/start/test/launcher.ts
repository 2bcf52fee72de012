import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@homing/local/free-port";
import { waitFor } from "@homing/local/wait-for";

const LAUNCHER = fileURLToPath(new URL("./stand-ins/launcher.js", import.meta.url));
const UP_TIMEOUT_MS = 25_000;

export interface Launcher {
  child: ChildProcess;
  pid: number;
  port: number;
  workerPort: number;
  out(): string;
  err(): string;
  /** Resolves with the exit code once the process has ended and its output is read. */
  ended: Promise<unknown>;
  up(): Promise<void>;
  /** What the stand-ins recorded. */
  record(): Promise<string[]>;
  pidOf(name: string): Promise<number>;
}

/** Launches in folders of its own, and cleans up what a test leaves. */
export function createLaunchers() {
  const launchers: Launcher[] = [];
  const directories: string[] = [];

  async function newDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "homing-start-"));
    // As root, Postgres runs as a user who must get in here.
    await chmod(directory, 0o755);
    directories.push(directory);
    return directory;
  }

  async function start(env: Record<string, string> = {}, directory?: string): Promise<Launcher> {
    const launcher = await startLauncher(env, directory ?? (await newDirectory()));
    launchers.push(launcher);
    return launcher;
  }

  async function cleanUp(): Promise<void> {
    for (const launcher of launchers.splice(0)) {
      launcher.child.kill("SIGKILL");
      await launcher.ended;
      for (const line of await launcher.record()) killRecorded(line);
    }
    for (const directory of directories.splice(0))
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
  }

  return { start, newDirectory, cleanUp };
}

async function startLauncher(env: Record<string, string>, directory: string): Promise<Launcher> {
  const [port, workerPort] = [await freePort(), await freePort()];
  const recordFile = join(directory, "record");
  const child = spawn(process.execPath, [LAUNCHER, join(directory, "homing")], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: process.env["HOMING_TEST_POSTGRES_URL"],
      PORT: String(port),
      WORKER_HEALTH_PORT: String(workerPort),
      STAND_IN_RECORD: recordFile,
      ...env,
    },
  });
  if (child.pid === undefined) throw new Error("the launcher did not start");
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const record = async () => (await readFile(recordFile, "utf8").catch(() => "")).split("\n").slice(0, -1);
  const ended = once(child, "close").then(([code]) => code);
  const isUp = () => {
    if (child.exitCode !== null) throw new Error(`the launcher ended: ${out}${err}`);
    return out.includes("Homing is running.");
  };
  return {
    child,
    pid: child.pid,
    port: Number(env["PORT"] ?? port),
    workerPort,
    out: () => out,
    err: () => err,
    ended,
    record,
    async up() {
      await waitFor(isUp, { what: "Homing to run", timeoutMs: UP_TIMEOUT_MS });
    },
    async pidOf(name) {
      const line = (await record()).findLast((text) => text.startsWith(`${name} start `));
      return Number(line?.split(" ")[2]);
    },
  };
}

function killRecorded(line: string): void {
  const pid = /^\w+ start (\d+)$/.exec(line)?.[1];
  try {
    if (pid !== undefined) process.kill(Number(pid), "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}

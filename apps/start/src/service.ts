import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { createInterface } from "node:readline";
import { waitFor } from "@homing/local/wait-for";
import { StartError } from "@homing/runtime/start-error";
import { findReason, toProblemLine } from "./problem-line.js";

const READY_TIMEOUT_MS = 60_000;
const PROBE_TIMEOUT_MS = 2_000;
const REASON_LINES_MAX = 50;
// Our programs end a start that fails with `homing-worker: cannot start: …`, `migrate: …`.
const SAYS_WHO = /^(homing-)?(api|worker|migrate( queue)?): /;
const FOLLOW_LAUNCHER = new URL("./follow-launcher.js", import.meta.url).href;

/** Our programs, as they are called in what is printed of them. */
export type ServiceName = "migrate" | "migrate queue" | "api" | "worker";

export interface ServiceEnd {
  status: number | NodeJS.Signals;
  /** One line: which process ended, and why. */
  reason: string;
}

export interface Service {
  name: string;
  /** Settles when the process has ended and all it wrote is read. Never rejects. */
  ended: Promise<ServiceEnd>;
  /** Asks it to stop, and kills it when it takes longer. */
  stop(graceMs: number): Promise<void>;
  kill(): void;
}

export interface ServiceOptions {
  name: ServiceName;
  script: string;
  env: NodeJS.ProcessEnv;
  /** All its output; that of the time before is kept beside it as `.1`. */
  logFile: string;
  print: (line: string) => void;
}

/** Runs one of our programs in a process group of its own, where a terminal's Ctrl-C does not reach it; shows its warnings. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { name, script, env, logFile } = options;
  await rename(logFile, `${logFile}.1`).catch(() => undefined);
  const child = spawn(process.execPath, ["--enable-source-maps", "--import", FOLLOW_LAUNCHER, script], {
    detached: true,
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lastErrors = keepOutput(child, options);
  let isRunning = true;
  const ended = new Promise<ServiceEnd>((resolve) => {
    const end = (status: number | NodeJS.Signals, why: string | null) => {
      isRunning = false;
      resolve({ status, reason: describeEnd({ name, logFile, status, why }) });
    };
    child.once("error", (error) => end(1, error.message));
    child.once("close", (code, signal) => end(signal ?? code ?? 1, findReason(lastErrors)));
  });
  const kill = () => {
    if (isRunning) signalGroup(child, "SIGKILL");
  };
  return {
    name,
    ended,
    kill,
    async stop(graceMs) {
      if (!isRunning) return;
      child.kill("SIGTERM");
      const timer = setTimeout(kill, graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** @throws StartError when the service ends before its health check answers 200, or that takes over a minute */
export async function requireReady(service: Service, url: string): Promise<void> {
  let reason: string | null = null;
  void service.ended.then((end) => (reason = end.reason));
  await waitFor(
    () => {
      if (reason !== null) throw new StartError(reason);
      return isReady(url);
    },
    { what: `${service.name} to be ready at ${url}`, timeoutMs: READY_TIMEOUT_MS },
  ).catch((error: unknown) => {
    throw error instanceof StartError ? error : new StartError(error instanceof Error ? error.message : String(error));
  });
}

function keepOutput(child: ChildProcess, { name, logFile, print }: ServiceOptions): string[] {
  const log = createWriteStream(logFile, { mode: 0o600 });
  log.on("error", (error) => print(`${name}: cannot write ${logFile}: ${error.message}`));
  const lastErrors: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false });
  child.once("close", () => log.end());
  if (child.stdout) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const problem = toProblemLine(name, line);
      if (problem !== null) print(problem);
    });
  }
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lastErrors.push(line);
      if (lastErrors.length > REASON_LINES_MAX) lastErrors.shift();
    });
  }
  return lastErrors;
}

function describeEnd(end: {
  name: string;
  logFile: string;
  status: number | NodeJS.Signals;
  why: string | null;
}): string {
  const { name, logFile, status, why } = end;
  if (why !== null && SAYS_WHO.test(why)) return why;
  const how = typeof status === "number" ? `exit code ${status}` : status;
  return `${name}: ended unexpectedly (${how})${why === null ? "" : `: ${why}`}; its log is ${logFile}`;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { startServerProcess } from "@homing/local/server-process";
import { waitFor } from "@homing/local/wait-for";

const READY_TIMEOUT_MS = 20_000;
const TAIL_LINES_MAX = 40;

const SCRIPTS = {
  api: fileURLToPath(new URL("../../api/dist/main.js", import.meta.url)),
  worker: fileURLToPath(new URL("../../worker/dist/main.js", import.meta.url)),
};

/** A running API or worker: the built program in a process of its own. */
export interface HomingProcess {
  /** As `worker 2`. */
  name: string;
  pid: number;
  /** Settles with the exit status, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals>;
  isRunning(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Whether a test ended it with SIGKILL, so that it has no status to judge. */
  isKilled(): boolean;
  /** Everything it logged. */
  log(): string;
  /** The end of its log. */
  tail(): string;
}

/**
 * Starts one and waits until it says that it is ready.
 * @param options.port where its health check answers
 * @throws with the end of its log, when it ends or stays unready
 */
export async function startHomingProcess(options: {
  kind: keyof typeof SCRIPTS;
  name: string;
  port: number;
  env: Record<string, string>;
  logFile: string;
}): Promise<HomingProcess> {
  const { kind, name, port, env, logFile } = options;
  const output = await open(logFile, "a");
  const child = await startServerProcess({
    file: process.execPath,
    args: [SCRIPTS[kind]],
    output: output.fd,
    env: { PATH: process.env["PATH"], ...env },
    stopSignal: "SIGTERM",
    orphanSignals: ["TERM", "KILL"],
  });
  await output.close();
  let isRunning = true;
  let isKilled = false;
  void child.exited.then(() => (isRunning = false));
  const started: HomingProcess = {
    name,
    pid: child.pid,
    exited: child.exited,
    isRunning: () => isRunning,
    kill(signal) {
      isKilled ||= signal === "SIGKILL";
      process.kill(child.pid, signal);
    },
    isKilled: () => isKilled,
    log: () => readFileSync(logFile, "utf8"),
    tail: () => readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-TAIL_LINES_MAX).join("\n"),
  };
  try {
    await untilReady(started, port);
  } catch (error) {
    await child.stop();
    throw new Error(`${name} did not become ready:\n${started.tail()}`, { cause: error });
  }
  return started;
}

async function untilReady(process: HomingProcess, port: number): Promise<void> {
  await waitFor(
    async () => {
      if (!process.isRunning()) throw new Error(`${process.name} ended at its start`);
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    },
    { what: `${process.name} to be ready`, timeoutMs: READY_TIMEOUT_MS },
  );
}

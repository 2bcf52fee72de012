import { open, readFile } from "node:fs/promises";
import { type ServerProcess, startServerProcess } from "@homing/local/server-process";
import { waitFor } from "@homing/local/wait-for";
import { inheritedEnv } from "./config.js";

const READY_MS_MAX = 30_000;
const TAIL_LINES_MAX = 15;

/** One API or worker: a program that is started, ended and started again at the same port. */
export interface Program {
  name: string;
  port: number;
  /** Starts it and waits until it is ready. @param env added to what it is always told */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Sends the signal and waits for the end. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** What it did that nobody asked for: ended by itself, or with another status than 0 after SIGTERM. */
  offences: string[];
}

export interface ProgramOptions {
  name: string;
  script: string;
  port: number;
  env: NodeJS.ProcessEnv;
  logFile: string;
  signal: AbortSignal;
}

/** A program that does not run yet. */
export function createProgram(options: ProgramOptions): Program {
  const { name, script, port, logFile } = options;
  const offences: string[] = [];
  let running: ServerProcess | null = null;

  async function spawn(env: NodeJS.ProcessEnv): Promise<ServerProcess> {
    const output = await open(logFile, "a");
    const child = await startServerProcess({
      file: process.execPath,
      args: [script],
      output: output.fd,
      env: { ...inheritedEnv(), ...options.env, ...env },
      stopSignal: "SIGTERM",
      orphanSignals: ["TERM", "KILL"],
    });
    await output.close();
    return child;
  }

  return {
    name,
    port,
    offences,
    async start(env = {}) {
      const child = await spawn(env);
      running = child;
      void child.exited.then(async (how) => {
        if (running === child) offences.push(`${name} ended by itself (${how}):\n${await tail(logFile)}`);
      });
      await waitFor(() => running !== child || isReady(options), {
        what: `${name} to be ready`,
        timeoutMs: READY_MS_MAX,
      });
    },
    async end(signal) {
      const child = running;
      running = null;
      if (child === null) return;
      if (signal === "SIGKILL") process.kill(child.pid, signal);
      else await child.stop();
      const how = await child.exited;
      if (signal === "SIGTERM" && how !== 0)
        offences.push(`${name} ended with ${how} after SIGTERM:\n${await tail(logFile)}`);
    },
  };
}

async function isReady({ port, signal }: ProgramOptions): Promise<boolean> {
  signal.throwIfAborted();
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trimEnd().split("\n").slice(-TAIL_LINES_MAX).join("\n");
}

import { open, readFile } from "node:fs/promises";
import { startServerProcess } from "@homing/local/server-process";
import { waitFor } from "@homing/local/wait-for";
import { inheritedEnv } from "./config.js";

const READY_MS_MAX = 30_000;
const TAIL_LINES_MAX = 15;

/** One API or worker. */
export interface Program {
  pid: number;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** What it did that nobody asked for, such as ending by itself. */
  offences: string[];
}

/** Starts a program and waits until it answers at `port` that it is ready. */
export async function startProgram(options: {
  name: string;
  script: string;
  port: number;
  env: NodeJS.ProcessEnv;
  logFile: string;
}): Promise<Program> {
  const { name, script, port, logFile } = options;
  const offences: string[] = [];
  const output = await open(logFile, "a");
  const child = await startServerProcess({
    file: process.execPath,
    args: [script],
    output: output.fd,
    env: { ...inheritedEnv(), ...options.env },
    stopSignal: "SIGTERM",
    orphanSignals: ["TERM", "KILL"],
  });
  await output.close();
  let isStopping = false;
  let hasEnded = false;
  void child.exited.then(async (how) => {
    hasEnded = true;
    if (!isStopping) offences.push(`${name} ended by itself (${how}):\n${await tail(logFile)}`);
  });
  const program: Program = {
    pid: child.pid,
    offences,
    async stop() {
      if (hasEnded) return;
      isStopping = true;
      await child.stop();
      const how = await child.exited;
      if (how !== 0) offences.push(`${name} ended with ${how} after SIGTERM:\n${await tail(logFile)}`);
    },
  };
  try {
    await waitFor(() => hasEnded || isReady(port), { what: `${name} to be ready`, timeoutMs: READY_MS_MAX });
    if (hasEnded) throw new Error(`${name} ended at its start:\n${await tail(logFile)}`);
    return program;
  } catch (error) {
    await program.stop();
    throw error;
  }
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trimEnd().split("\n").slice(-TAIL_LINES_MAX).join("\n");
}

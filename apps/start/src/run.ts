import { StartError } from "@homing/runtime/start-error";
import { readConfig } from "./config.js";
import { type LaunchOptions, type Launched, launch } from "./launch.js";

// SIGHUP: the terminal was closed.
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
// npm forwards the Ctrl-C that the terminal sent to us as well: only one that comes later is a second one.
const SAME_SIGNAL_MS = 1_000;

interface Step {
  name: string;
  undo: () => Promise<void> | void;
}

/** Runs Homing until a signal or the end of one of its processes, then stops everything in reverse and ends this process. */
export function run(options: Omit<LaunchOptions, "config" | "print">): void {
  const steps: Step[] = [];
  let launched: Launched | null = null;
  let stoppingSince: number | null = null;

  async function stop(exitCode: number): Promise<void> {
    if (stoppingSince !== null) return;
    stoppingSince = performance.now();
    for (let step = steps.pop(); step; step = steps.pop()) await undo(step);
    process.exit(exitCode);
  }

  function onSignal(): void {
    if (stoppingSince === null) {
      print("Stopping; Ctrl-C again ends everything at once.");
      void stop(0);
    } else if (performance.now() - stoppingSince > SAME_SIGNAL_MS) {
      launched?.kill();
      process.exit(1);
    }
  }

  const lifecycle = { onStop: (name: string, undoStep: Step["undo"]) => steps.push({ name, undo: undoStep }) };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  void runOn();

  async function runOn(): Promise<void> {
    const reason = await start().catch(describeFailure);
    // What ends because we stop it is no news.
    if (stoppingSince !== null) return;
    process.stderr.write(`${reason}\n`);
    await stop(1);
  }

  async function start(): Promise<string> {
    launched = await launch({ ...options, config: readConfig(), print }, lifecycle);
    print(launched.greeting);
    return launched.died;
  }
}

async function undo(step: Step): Promise<void> {
  try {
    await step.undo();
  } catch (error) {
    process.stderr.write(`${step.name}: did not stop in good order: ${String(error)}\n`);
  }
}

function describeFailure(error: unknown): string {
  if (error instanceof StartError) return `Homing cannot start: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

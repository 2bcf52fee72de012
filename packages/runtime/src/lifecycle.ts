import type { Logger } from "pino";
import { StartError } from "./start-error.js";

const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface Lifecycle {
  /** Registers how to stop what was just started; stops run in reverse order of registration. */
  onStop: (name: string, stop: () => Promise<void> | void) => void;
}

/**
 * Runs one process from start to stop: `start` builds and registers its stops, a signal runs them in reverse, a second signal
 * or the grace period ends the process at once. A start that fails undoes what it began and exits with status 1.
 * @param options.graceMs how long an orderly stop may take
 */
export function runService(options: {
  name: string;
  log: Logger;
  graceMs: number;
  start: (lifecycle: Lifecycle) => Promise<void>;
}): void {
  const { name, log, graceMs } = options;
  const stops: { name: string; stop: () => Promise<void> | void }[] = [];
  let stopping = false;

  async function stopAll(): Promise<boolean> {
    let clean = true;
    for (const entry of stops.toReversed()) {
      try {
        await entry.stop();
      } catch (error) {
        clean = false;
        log.error({ err: error, part: entry.name }, "stop failed");
      }
    }
    return clean;
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) {
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, "stopping");
    const timer = setTimeout(() => {
      log.error({ grace_ms: graceMs }, "stop took longer than its grace period");
      process.exit(1);
    }, graceMs);
    const clean = await stopAll();
    clearTimeout(timer);
    log.info("stopped");
    log.flush();
    process.exitCode = clean ? 0 : 1;
    process.exit();
  }

  for (const signal of STOP_SIGNALS) process.on(signal, () => void stop(signal));
  options
    .start({ onStop: (part, stopPart) => stops.push({ name: part, stop: stopPart }) })
    .catch(async (error: unknown) => {
      failStart(name, error);
      stopping = true;
      await stopAll();
      process.exit(1);
    });
}

/** Prints why a process cannot start: one line for what its operator can mend, the whole error for our own faults. */
export function failStart(name: string, error: unknown): void {
  const text = error instanceof StartError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${name}: cannot start: ${text}\n`);
  process.exitCode = 1;
}

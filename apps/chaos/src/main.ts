import { writeFile } from "node:fs/promises";
import { findRedisServer } from "@homing/local/redis";
import { type ChaosConfig, HELP, readArguments } from "./config.js";
import { formOf } from "./form.js";
import { type BackendResult, describeResult } from "./report.js";
import { runOn } from "./run.js";

const USAGE_ERROR = 2;
const INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const request = readArguments(args);
  switch (request.kind) {
    case "help":
      print(HELP);
      return 0;
    case "fault":
      return fail(request.message, USAGE_ERROR);
    case "run":
      return run(request.config);
    default:
      return request satisfies never;
  }
}

async function run(config: ChaosConfig): Promise<number> {
  if (config.backends.includes("redis") && findRedisServer() === null) {
    return fail("redis-server is not installed: install it, or take --backend postgres", USAGE_ERROR);
  }
  const form = formOf(config);
  const ending = endingSignal(form.runMsMax);
  print(`Chaos, ${config.form} form, seed ${config.seed}`);
  const results: BackendResult[] = [];
  try {
    for (const backend of config.backends) {
      const result = await runOn(backend, { config, form, print: timed(), signal: ending.signal });
      results.push(result);
      print(`\n${describeResult(result, { recoverySecondsMax: form.recoveryMsMax / 1000 })}`);
    }
  } catch (error) {
    if (ending.reason() === null) throw error;
    return fail(`${ending.reason()} (seed ${config.seed})`, ending.isInterrupted() ? INTERRUPTED : 1);
  } finally {
    ending.clear();
    if (config.jsonFile !== null) await writeFile(config.jsonFile, json(config, results));
  }
  return results.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

interface Ending {
  signal: AbortSignal;
  reason(): string | null;
  isInterrupted(): boolean;
  clear(): void;
}

/** Aborted by Ctrl-C, or when the run takes too long. */
function endingSignal(runMsMax: number): Ending {
  const controller = new AbortController();
  let isInterrupted = false;
  const timer = setTimeout(() => controller.abort(`the run took longer than ${runMsMax / 1000} s`), runMsMax);
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // A terminal's Ctrl-C comes twice: from the terminal, and handed on by npm.
    process.on(name, () => {
      isInterrupted = true;
      controller.abort("interrupted");
    });
  }
  return {
    signal: controller.signal,
    reason: () => (controller.signal.aborted ? String(controller.signal.reason) : null),
    isInterrupted: () => isInterrupted,
    clear: () => clearTimeout(timer),
  };
}

function json({ form, seed, eventsMin }: ChaosConfig, results: BackendResult[]): string {
  const passed = results.length > 0 && results.every(({ findings }) => findings.length === 0);
  return `${JSON.stringify({ form, seed, eventsMin, passed, results }, null, 2)}\n`;
}

/** Lines with the seconds since now before them. */
function timed(): (line: string) => void {
  const beganMs = performance.now();
  return (line) => print(`${String(Math.round((performance.now() - beganMs) / 1000)).padStart(4)} s  ${line}`);
}

function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

function fail(message: string, status: number): number {
  process.stderr.write(`chaos: ${message}\n`);
  return status;
}

import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { findRedisServer } from "@homing/local/redis";
import type { Case } from "./case.js";
import { verdictOn } from "./goal.js";
import { type BenchConfig, HELP, readArguments } from "./config.js";
import { describeCases, isMet, type ReportedCase } from "./report.js";
import { ISOLATION } from "./scenarios/isolation.js";
import { SPEED } from "./speed/speed.js";

const USAGE_ERROR = 2;
const INTERRUPTED = 130;
const SCENARIOS: Record<BenchConfig["scenario"], readonly Case[]> = { speed: SPEED, isolation: ISOLATION };

process.exitCode = await main(process.argv.slice(2));
// What an interrupted case still waits for is over with its processes.
if (process.exitCode === INTERRUPTED) process.exit();

async function main(args: string[]): Promise<number> {
  const request = readArguments(args);
  switch (request.kind) {
    case "help":
      print(HELP);
      return 0;
    case "fault":
      return fail(request.message);
    case "run":
      return run(request.config);
    default:
      return request satisfies never;
  }
}

async function run(config: BenchConfig): Promise<number> {
  const all = SCENARIOS[config.scenario];
  const unknown = config.only.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) return fail(`--only: there is no ${unknown.join(", ")} among ${names(all)}`);
  if (config.backend === "redis" && findRedisServer() === null) {
    return fail("redis-server is not installed: install it, or take --backend postgres");
  }
  const chosen = all.filter(({ name, isLong = false }) =>
    config.only.length === 0 ? !(isLong && config.isQuick) : config.only.includes(name),
  );
  const results: ReportedCase[] = [];
  const signal = endingSignal();
  print(
    `Bench, scenario ${config.scenario}${config.isQuick ? ", quick" : ""}, queue on ${config.backend}: ${names(chosen)}`,
  );
  try {
    for (const one of chosen) {
      print(`${one.name}: ${one.title} …`);
      results.push({ name: one.name, title: one.title, ...(await one.run({ ...config, signal })) });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return INTERRUPTED;
  } finally {
    if (results.length > 0) print(`\n${describeCases(results)}`);
    if (config.jsonFile !== null) await writeFile(config.jsonFile, json(config, results));
  }
  return results.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

/** Aborted by Ctrl-C. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  // A terminal's Ctrl-C comes twice: from the terminal, and handed on by npm.
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => controller.abort());
  return controller.signal;
}

function json({ scenario, isQuick, backend }: BenchConfig, cases: ReportedCase[]): string {
  const machine = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    load: loadavg(),
    node: process.version,
  };
  const judged = cases.map((one) => ({
    ...one,
    comparisons: one.comparisons.map((comparison) => ({ ...comparison, isMet: isMet(comparison) })),
    goals: one.goals.map((goal) => ({ ...goal, verdict: verdictOn(goal) })),
  }));
  return `${JSON.stringify({ scenario, isQuick, backend, machine, cases: judged }, null, 2)}\n`;
}

function names(cases: readonly Case[]): string {
  return cases.map(({ name }) => name).join(", ");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(message: string): number {
  process.stderr.write(`bench: ${message}\n`);
  return USAGE_ERROR;
}

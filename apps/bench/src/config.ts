import { parseArgs } from "node:util";

const OPTIONS = {
  scenario: { type: "string" },
  only: { type: "string" },
  quick: { type: "boolean" },
  backend: { type: "string" },
  json: { type: "string" },
  help: { type: "boolean" },
} as const;

export const HELP = `Usage: npm run bench -- [options]
Measures a real installation on this machine (API, workers, Postgres, Redis, a load generator and a sink, all on loopback).

  --scenario S    speed (the default): what it publishes and delivers, against a naive build and bare parts, and what it costs
                  isolation: what bad endpoints, a loud organization, a release and an ordered webhook cost everybody else
  --only A,B      only these cases of the scenario, by their names
  --quick         shorter phases, and without the cases that take long
  --backend B     redis (the default) or postgres
  --json FILE     also writes the results there
  --help          this text

Status 0: nothing lost, repeated, stuck or out of order, however slow. 1: otherwise. 2: an option is wrong.
`;

const SCENARIOS = ["speed", "isolation"] as const;
const BACKENDS = ["redis", "postgres"] as const;
const CASE_NAMES = /^[a-z0-9]+(,[a-z0-9]+)*$/;

/** Where the queue is kept. */
export type Backend = (typeof BACKENDS)[number];

export interface BenchConfig {
  scenario: (typeof SCENARIOS)[number];
  /** Names of cases; empty: all. */
  only: readonly string[];
  isQuick: boolean;
  backend: Backend;
  jsonFile: string | null;
}

/** What the arguments ask for; a fault is one line for their writer. */
export type Arguments = { kind: "run"; config: BenchConfig } | { kind: "help" } | { kind: "fault"; message: string };

export function readArguments(args: string[]): Arguments {
  try {
    const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help) return { kind: "help" };
    const config = {
      scenario: readChoice("--scenario", values.scenario, SCENARIOS),
      only: readNames(values.only),
      isQuick: values.quick ?? false,
      backend: readChoice("--backend", values.backend, BACKENDS),
      jsonFile: values.json ?? null,
    };
    return { kind: "run", config };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "fault", message: message.split("\n", 1)[0] ?? message };
  }
}

/** What the bench's own servers are told by its installation. */
export function ownEnv(): { port: number; databaseUrl: string; redisUrl: string; isTls: boolean } {
  const { PORT = "0", DATABASE_URL = "", REDIS_URL = "", SINK_TLS = "false" } = process.env;
  return { port: Number(PORT), databaseUrl: DATABASE_URL, redisUrl: REDIS_URL, isTls: SINK_TLS === "true" };
}

/** What the processes that are started inherit: the room for new objects as docker/Dockerfile has it, for the naive build and the floors as well. */
export function inheritedEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], NODE_OPTIONS: "--max-semi-space-size=32" };
}

/** The first choice unless something else is asked for. */
function readChoice<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const chosen = text === undefined ? choices[0] : choices.find((choice) => choice === text);
  if (chosen !== undefined) return chosen;
  throw new Error(`${name} takes ${choices.join(" or ")}, not ${JSON.stringify(text)}`);
}

function readNames(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  if (CASE_NAMES.test(text)) return text.split(",");
  throw new Error(`--only takes letters with commas between, not ${JSON.stringify(text)}`);
}

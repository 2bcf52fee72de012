import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

const EVENTS_MAX = 10_000_000;
const SEED_MAX = 2 ** 31 - 1;
const QUICK_EVENTS = 1_000;
const LONG_EVENTS = 100_000;

const OPTIONS = {
  quick: { type: "boolean" },
  events: { type: "string" },
  seed: { type: "string" },
  backend: { type: "string" },
  json: { type: "string" },
  help: { type: "boolean" },
} as const;

export const HELP = `Usage: npm run chaos -- [options]
Publishes to a real installation (2 APIs, 2 workers, Postgres, Redis, receivers) while its processes are killed, stopped and
flushed, and then holds what was acknowledged against the receivers' own log and the database.

  --quick            one round of short faults, within 3 minutes for both backends
  --events N         at least so many events on each backend, in whole rounds of faults (${LONG_EVENTS}; quick: ${QUICK_EVENTS})
  --seed S           a whole number that decides faults, their moments, payloads and receivers (random; it is printed)
  --backend B        redis or postgres (one after the other)
  --json FILE        also writes the results there
  --help             this text

Status 0: nothing lost, nothing stuck, no more duplicates than were in flight. 1: otherwise. 2: an option is wrong.
`;

const BACKENDS = ["redis", "postgres"] as const;
/** Where the queue is kept. */
export type Backend = (typeof BACKENDS)[number];

export interface ChaosConfig {
  form: "quick" | "long";
  /** Acknowledged on each backend before the faults end. */
  eventsMin: number;
  seed: number;
  backends: readonly Backend[];
  jsonFile: string | null;
}

/** What the arguments ask for; a fault is one line for their writer. */
export type Arguments = { kind: "run"; config: ChaosConfig } | { kind: "help" } | { kind: "fault"; message: string };

export function readArguments(args: string[]): Arguments {
  try {
    const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help) return { kind: "help" };
    const form = values.quick ? "quick" : "long";
    const config = {
      form,
      eventsMin: readNumber("--events", values.events, EVENTS_MAX) ?? (form === "quick" ? QUICK_EVENTS : LONG_EVENTS),
      seed: readNumber("--seed", values.seed, SEED_MAX) ?? randomInt(SEED_MAX) + 1,
      backends: readBackends(values.backend),
      jsonFile: values.json ?? null,
    } as const;
    return { kind: "run", config };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "fault", message: message.split("\n", 1)[0] ?? message };
  }
}

/** What the processes that are started inherit. */
export function inheritedEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] };
}

function readNumber(name: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new Error(`${name} takes a whole number from 1 to ${max}, not ${JSON.stringify(text)}`);
}

function readBackends(text: string | undefined): readonly Backend[] {
  if (text === undefined) return BACKENDS;
  const backend = BACKENDS.find((name) => name === text);
  if (backend !== undefined) return [backend];
  throw new Error(`--backend takes ${BACKENDS.join(" or ")}, not ${JSON.stringify(text)}`);
}

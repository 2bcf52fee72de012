import { parseArgs } from "node:util";
import { Webhook } from "standardwebhooks";
import type { ReceiverOptions } from "./receiver.js";

const PORT = 4000;
const HOST = "127.0.0.1";
const DELAY_MS_MAX = 600_000;
const FAIL_FIRST_MAX = 1_000_000;

const OPTIONS = {
  port: { type: "string" },
  host: { type: "string" },
  secret: { type: "string", multiple: true },
  status: { type: "string" },
  delay: { type: "string" },
  "fail-first": { type: "string" },
  help: { type: "boolean" },
} as const;

export const HELP = `Usage: npm run receiver -- [options]
Prints each webhook request that arrives, and whether its signature holds.

  --port N         listen there (${PORT}; 0: a free one)
  --host H         on this address (${HOST})
  --secret whsec_… verify signatures with it; repeat it during rotation (or HOMING_WEBHOOK_SECRET, several separated by spaces)
  --status N       always answer with this status
  --delay MS       answer after so many milliseconds
  --fail-first N   answer 500 to the first N requests of each webhook-id, then 200
  --help           this text
`;

export interface ReceiverConfig extends ReceiverOptions {
  port: number;
  host: string;
}

/** What the arguments ask for; a fault is one line for their writer. */
export type Arguments = { kind: "run"; config: ReceiverConfig } | { kind: "help" } | { kind: "fault"; message: string };

/** Reads command line and HOMING_WEBHOOK_SECRET; a secret on the command line wins. */
export function readArguments(args: string[], env: NodeJS.ProcessEnv = process.env): Arguments {
  try {
    const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help) return { kind: "help" };
    const secrets = values.secret ?? (env["HOMING_WEBHOOK_SECRET"] ?? "").split(/[\s,]+/).filter((part) => part !== "");
    if (!secrets.every(isSecret)) throw new Error("a secret is whsec_ followed by base64, as the API showed it");
    const config = {
      port: readNumber("--port", values.port, { min: 0, max: 65_535 }) ?? PORT,
      host: values.host ?? HOST,
      secrets,
      status: readNumber("--status", values.status, { min: 200, max: 599 }),
      delayMs: readNumber("--delay", values.delay, { min: 0, max: DELAY_MS_MAX }) ?? 0,
      failFirst: readNumber("--fail-first", values["fail-first"], { min: 0, max: FAIL_FIRST_MAX }) ?? 0,
    };
    return { kind: "run", config };
  } catch (error) {
    return { kind: "fault", message: oneLine(error) };
  }
}

function readNumber(name: string, text: string | undefined, range: { min: number; max: number }): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < range.min || number > range.max) {
    throw new Error(`${name} takes a whole number from ${range.min} to ${range.max}, not ${JSON.stringify(text)}`);
  }
  return number;
}

function isSecret(text: string): boolean {
  try {
    return new Webhook(text) instanceof Webhook;
  } catch {
    return false;
  }
}

function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? message;
}

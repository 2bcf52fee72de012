import type Joi from "joi";
import { inspectJson } from "./inspect-json.js";
import { invalidInput, type ProblemFault, toPointer } from "./problem.js";

/** For each part of the request. */
const FAULTS_MAX = 100;
const DETAIL_CHARS_MAX = 300;
// Joi takes 3 µs a fault and knows no limit: above this, a body's first fault is all that is told.
const MEMBERS_MAX_FOR_ALL_FAULTS = 10_000;

const PREFERENCES: Joi.ValidationOptions = {
  abortEarly: false,
  errors: { label: false, wrap: { label: false } },
  // The library's texts repeat the value, which may be a secret.
  messages: {
    "string.pattern.base": "must match {{#regex}}",
    "string.pattern.name": "must match the {{#name}} pattern",
  },
};

export type InputPart = ProblemFault["in"];

/** Checks one part of a request; the value comes back converted and with its defaults. */
export type Check = (value: unknown, faults: ProblemFault[], membersTotal?: number) => unknown;

/** Prepares the check of one part of a request, once for each route; without a schema every storable text passes. */
export function createCheck(part: InputPart, schema: Joi.Schema | undefined): Check {
  const all = schema?.prefs(PREFERENCES).prefs({ convert: part !== "body", stripUnknown: part === "header" });
  const first = all?.prefs({ abortEarly: true });
  const pick = part === "header" && schema !== undefined ? createPick(schema) : null;
  return (value, faults, membersTotal = 0) => {
    // Bodies are inspected when they are parsed; Node takes no such bytes in headers.
    if (part === "query" || part === "path") addFaults(faults, part, inspectJson(value, { text: true }).faults);
    const compiled = membersTotal > MEMBERS_MAX_FOR_ALL_FAULTS ? first : all;
    if (compiled === undefined) return value;
    const result = compiled.validate(pick === null ? value : pick(value));
    if (result.error) {
      const found = result.error.details.slice(0, FAULTS_MAX).map(({ path, message }) => ({
        pointer: toPointer(path),
        detail: message.slice(0, DETAIL_CHARS_MAX),
      }));
      addFaults(faults, part, found);
    }
    return result.value;
  };
}

/** The members that a schema names: looking at all headers of a request costs more than the rest of the check. */
function createPick(schema: Joi.Schema): (value: unknown) => object {
  const { keys, patterns, renames } = schema.describe();
  if (keys === undefined || patterns !== undefined || renames !== undefined) {
    throw new Error("a schema of headers names each of them");
  }
  const names = Object.keys(keys);
  return (value) => {
    const all = new Map(Object.entries(value ?? {}));
    return Object.fromEntries(names.flatMap((name) => (all.has(name) ? [[name, all.get(name)]] : [])));
  };
}

/** @throws ProblemError validation_error, when there are faults */
export function refuseFaults(faults: readonly ProblemFault[]): void {
  if (faults.length > 0) throw invalidInput(faults);
}

function addFaults(faults: ProblemFault[], part: InputPart, found: { pointer: string; detail: string }[]): void {
  for (const fault of found) faults.push({ in: part, ...fault });
}

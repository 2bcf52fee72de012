const WARNING = /^\{"level":[4-6]0,/;
const NOISE = [/^\s*$/, /^\s/, /^\^+$/, /^Node\.js v/, /^\}/];

/** A warning or error of a JSON log as a line for a terminal; null for every other line. */
export function toProblemLine(name: string, line: string): string | null {
  if (!WARNING.test(line)) return null;
  const fields = parse(line);
  const message = textOf(fields, "message");
  const cause = textOf(fieldOf(fields, "err"), "message");
  return `${name}: ${[message, cause].filter((part) => part !== null && part !== "").join(": ")}`;
}

/** The line among the last ones on standard error that says why a process ended; null when none does. */
export function findReason(lines: string[]): string | null {
  return lines.findLast((line) => !NOISE.some((pattern) => pattern.test(line))) ?? null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function textOf(value: unknown, name: string): string | null {
  const field = fieldOf(value, name);
  return typeof field === "string" ? field : null;
}

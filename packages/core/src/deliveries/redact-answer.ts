import type { SendResult } from "../outcome.js";

export const REDACTED = "[redacted]";
/** What is shorter stands in many an answer by itself. */
const SECRET_CHARS_MIN = 8;

/**
 * An answer as it may be recorded: some receivers repeat the headers that they were sent, and many may read an attempt who may not know
 * a webhook's credentials.
 * @param values those of the webhook's own headers
 */
export function redactAnswer(result: SendResult, values: readonly string[]): SendResult {
  // Of `Bearer x` the latter is the secret, and is what may be repeated.
  const parts = values.flatMap((value) => [value, ...value.split(" ")]).filter(isLong);
  const secrets = [...parts, ...parts.map((part) => JSON.stringify(part).slice(1, -1))];
  if (secrets.length === 0 || result.headers === undefined) return result;
  const redact = (text: string): string => secrets.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
  const headers = Object.entries(result.headers).map(([name, value]) => [name, redact(value)]);
  return {
    ...result,
    headers: Object.fromEntries(headers),
    ...(result.bodyText !== undefined && { bodyText: redact(result.bodyText) }),
  };
}

function isLong({ length }: string): boolean {
  return length >= SECRET_CHARS_MIN;
}

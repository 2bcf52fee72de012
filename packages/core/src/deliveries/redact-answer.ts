import type { SendResult } from "../outcome.js";

export const REDACTED = "[redacted]";
/** What is shorter stands in many an answer by itself. */
const SECRET_CHARS_MIN = 8;
/** As much as is kept of a body: what stands in for a secret may be longer than it. */
const BODY_BYTES_MAX = 4096;
/** A body this close to it was cut off, maybe within a secret. */
const CUT_BYTES_MIN = BODY_BYTES_MAX - 3;

/**
 * An answer as it may be recorded: some receivers repeat the headers that they were sent, and many may read an attempt who may not know
 * a webhook's credentials.
 * @param values of headers and credentials that went with the request
 */
export function redactAnswer(result: SendResult, values: readonly string[]): SendResult {
  const secrets = secretsIn(values);
  if (secrets.length === 0 || result.headers === undefined) return result;
  // One pass: what was redacted is not looked at again.
  const pattern = new RegExp(secrets.map(escapePattern).join("|"), "g");
  const redact = (text: string): string => text.replace(pattern, REDACTED);
  const headers = Object.entries(result.headers).map(([name, value]) => [name, redact(value)]);
  const { bodyText } = result;
  return {
    ...result,
    headers: Object.fromEntries(headers),
    ...(bodyText !== undefined && { bodyText: cutBody(redact(withoutCutSecret(bodyText, secrets))) }),
  };
}

/** Each once, the longest first: of `Bearer x` the latter is the secret, and is what may be repeated; in JSON some characters are escaped. */
function secretsIn(values: readonly string[]): string[] {
  const parts = values.flatMap((value) => [value, ...value.split(" ")]).filter(isLong);
  const spelled = new Set([...parts, ...parts.map((part) => JSON.stringify(part).slice(1, -1))]);
  return [...spelled].toSorted((one, other) => other.length - one.length);
}

function isLong({ length }: string): boolean {
  return length >= SECRET_CHARS_MIN;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

/** Of a secret across the cut the beginning still stands at the end. */
function withoutCutSecret(text: string, secrets: readonly string[]): string {
  if (Buffer.byteLength(text) < CUT_BYTES_MIN) return text;
  const lengths = secrets.map((secret) => {
    for (let length = secret.length - 1; length >= SECRET_CHARS_MIN; length--) {
      if (text.endsWith(secret.slice(0, length))) return length;
    }
    return 0;
  });
  const longest = Math.max(...lengths);
  return longest === 0 ? text : `${text.slice(0, -longest)}${REDACTED}`;
}

function cutBody(text: string): string {
  if (Buffer.byteLength(text) <= BODY_BYTES_MAX) return text;
  // A character that the cut splits is left out.
  return new TextDecoder().decode(Buffer.from(text).subarray(0, BODY_BYTES_MAX), { stream: true });
}

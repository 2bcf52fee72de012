import { truncateUtf8 } from "./body-text.js";

const REDACTED = "[redacted]";
/** What is shorter stands in many an answer by itself. */
const SECRET_CHARS_MIN = 8;

/** What takes the secrets of a request out of its answer: some receivers repeat the headers that they were sent. */
export interface Redaction {
  /** So many bytes beyond what is kept have to be read, so that a secret which the end cuts off is seen whole. */
  beyondBytes: number;
  redact(text: string): string;
  /** The redacted start of a text: what stands within its first bytes, and no more bytes than that. */
  redactStart(text: string, bytesMax: number): string;
}

/** Most requests have no secrets but their signatures. */
const NOTHING: Redaction = { beyondBytes: 0, redact: (text) => text, redactStart: cut };

/** @param values of headers and credentials that go with a request */
export function createRedaction(values: readonly string[]): Redaction {
  if (values.length === 0) return NOTHING;
  const secrets = secretsIn(values);
  const [longest] = secrets;
  if (longest === undefined) return NOTHING;
  const pattern = new RegExp(secrets.map(escapePattern).join("|"), "g");
  return {
    beyondBytes: Buffer.byteLength(longest),
    // One pass: what was redacted is not looked at again.
    redact: (text) => text.replace(pattern, REDACTED),
    redactStart(text, bytesMax) {
      const end = cut(text, bytesMax).length;
      let redacted = "";
      let at = 0;
      for (const match of text.matchAll(pattern)) {
        if (match.index >= end) break;
        redacted += text.slice(at, match.index) + REDACTED;
        at = match.index + match[0].length;
      }
      return cut(redacted + text.slice(at, Math.max(at, end)), bytesMax);
    },
  };
}

/** Each once, the longest first: of `Bearer x` the latter is the secret, and is what may be repeated; in JSON some characters are escaped. */
function secretsIn(values: readonly string[]): string[] {
  const parts = values.flatMap((value) => [value, ...value.split(" ")]).filter(isLong);
  const spelled = new Set([...parts, ...parts.map((part) => JSON.stringify(part).slice(1, -1))]);
  return [...spelled].toSorted((one, other) => Buffer.byteLength(other) - Buffer.byteLength(one));
}

function isLong({ length }: string): boolean {
  return length >= SECRET_CHARS_MIN;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}

function cut(text: string, bytesMax: number): string {
  // A code unit is at least one byte and at most three.
  if (3 * text.length <= bytesMax) return text;
  return Buffer.from(truncateUtf8(Buffer.from(text), bytesMax)).toString("utf8");
}

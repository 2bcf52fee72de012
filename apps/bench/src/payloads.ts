import { createRequire } from "node:module";

/** Of an object that payloads are put together from. */
const PART_CHARS = { min: 40, max: 300 };
const PRINTABLE = /^[\x20-\x7e]*$/;

let known: readonly string[] | null = null;

/**
 * A payload of exactly so many bytes: objects of real GitHub payloads, and text of theirs for the rest.
 * @param options.members come first; an object with at least one
 * @param options.start payloads of different starts hold different objects
 */
export function payloadOf({ bytes, members, start }: { bytes: number; members: object; start: number }): string {
  const parts = (known ??= readParts());
  const head = JSON.stringify(members).slice(0, -1);
  const chosen: string[] = [];
  let room = bytes - `${head},"parts":[],"rest":""}`.length;
  for (let place = start; ; place++) {
    const part = parts[place % parts.length] ?? "";
    if (part.length + 1 > room) return `${head},"parts":[${chosen.join(",")}],"rest":"${restOf(part, room)}"}`;
    // The first one needs no comma before it.
    room -= part.length + (chosen.length > 0 ? 1 : 0);
    chosen.push(part);
  }
}

/** So many characters of a text. */
function restOf(text: string, length: number): string {
  const letters = text.replaceAll(/["\\]/g, " ");
  return letters.repeat(Math.ceil(length / letters.length)).slice(0, length);
}

/** The small objects of all examples. */
function readParts(): string[] {
  const examples: unknown = createRequire(import.meta.url)("@octokit/webhooks-examples");
  const texts = new Set<string>();
  collect(examples, texts);
  return [...texts];
}

function collect(value: unknown, texts: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) collect(member, texts);
  const text = Array.isArray(value) ? "" : JSON.stringify(value);
  if (text.length >= PART_CHARS.min && text.length <= PART_CHARS.max && PRINTABLE.test(text)) texts.add(text);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
/** A string that has not ended after so many bytes is long: its end is searched for. */
const SEARCHED_FROM = 32;

/**
 * The members of a JSON object as the bytes that their values came in, without the whitespace around them. Of members with
 * the same name the last one counts, as in JSON.parse.
 * @param raw a valid JSON document, an object at its top; slices share its memory
 */
export function memberSlices(raw: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let at = openingAt(raw, OPEN_BRACE) + 1;
  for (at = skipSpace(raw, at); raw[at] !== CLOSE_BRACE; at = skipSeparator(raw, at, COMMA)) {
    const nameEnd = skipString(raw, at);
    const name = String(JSON.parse(raw.toString("utf8", at, nameEnd)));
    const start = skipSeparator(raw, nameEnd, COLON);
    at = skipValue(raw, start);
    members.set(name, raw.subarray(start, at));
  }
  return members;
}

/**
 * The elements of a JSON array as the bytes that they came in, without the whitespace around them.
 * @param raw a valid JSON document, an array at its top; slices share its memory
 */
export function elementSlices(raw: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let at = openingAt(raw, OPEN_BRACKET) + 1;
  for (at = skipSpace(raw, at); raw[at] !== CLOSE_BRACKET; at = skipSeparator(raw, at, COMMA)) {
    const start = at;
    at = skipValue(raw, start);
    elements.push(raw.subarray(start, at));
  }
  return elements;
}

function openingAt(raw: Buffer, opening: number): number {
  const at = skipSpace(raw, 0);
  if (raw[at] !== opening) throw new TypeError("the document's top is of another kind");
  return at;
}

/** The end of the value that starts at `at`. */
function skipValue(raw: Buffer, at: number): number {
  const first = raw[at];
  if (first === QUOTE) return skipString(raw, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(raw, at);
  let end = at;
  while (end < raw.length && !endsScalar(raw[end])) end += 1;
  return end;
}

/** Brackets need no matching by kind: the document is valid, so the one that brings the depth to zero is the right one. */
function skipNested(raw: Buffer, at: number): number {
  let depth = 0;
  for (let end = at; end < raw.length; end += 1) {
    const byte = raw[end];
    if (byte === QUOTE) end = skipString(raw, end) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    if (depth === 0) return end + 1;
  }
  throw new TypeError("the document is not valid JSON");
}

function skipString(raw: Buffer, at: number): number {
  let end = at + 1;
  while (end < raw.length) {
    // Most strings are short, and their end is found sooner than the search is called.
    for (const near = end + SEARCHED_FROM; end < near; end += 1) {
      const byte = raw[end];
      if (byte === BACKSLASH) end += 1;
      else if (byte === QUOTE) return end + 1;
    }
    const quote = raw.indexOf(QUOTE, end);
    if (quote === -1) break;
    end = quote + 1;
    if (!isEscaped(raw, quote)) return end;
  }
  throw new TypeError("the document is not valid JSON");
}

/** Behind an odd number of backslashes; the one that opens the string ends their count. */
function isEscaped(raw: Buffer, quote: number): boolean {
  let backslashes = 0;
  while (raw[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}

/** From the end of a value to the next token that is not whitespace or `separator`. */
function skipSeparator(raw: Buffer, at: number, separator: number): number {
  const next = skipSpace(raw, at);
  if (next >= raw.length) throw new TypeError("the document is not valid JSON");
  return raw[next] === separator ? skipSpace(raw, next + 1) : next;
}

function skipSpace(raw: Buffer, at: number): number {
  let next = at;
  while (isSpace(raw[next])) next += 1;
  return next;
}

// In JSON no token starts with a byte at or below the space.
function isSpace(byte: number | undefined): boolean {
  return byte !== undefined && byte <= SPACE;
}

function endsScalar(byte: number | undefined): boolean {
  return isSpace(byte) || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}

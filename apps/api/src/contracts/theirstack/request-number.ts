/** Crockford's base 32, as ULIDs are spelt in. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX_CHARS = "req_".length;
/** Ten of time and two of chance: below 2^53 until the year 2248. */
const CHARS = 12;

/**
 * A request's id as the integer that this contract wants: the first 12 characters of its ULID, so that either leads to the
 * request's log line.
 * @param requestId `req_` and a ULID
 * @returns null when the id is of another form
 */
export function toRequestNumber(requestId: string): number | null {
  const chars = requestId.slice(PREFIX_CHARS, PREFIX_CHARS + CHARS);
  const number = Array.from(chars).reduce((sum, char) => sum * DIGITS.length + valueOf(char), 0);
  return chars.length === CHARS && Number.isSafeInteger(number) ? number : null;
}

function valueOf(char: string): number {
  const value = DIGITS.indexOf(char);
  return value === -1 ? Number.NaN : value;
}

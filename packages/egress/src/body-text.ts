/** What is kept of a response body, in bytes of UTF-8. */
export const BODY_KEPT_BYTES_MAX = 4096;

const REPLACEMENT = "\uFFFD";

/** The longest start of `bytes` that has at most `max` bytes and does not end inside a code point. */
export function truncateUtf8(bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length <= max) return bytes;
  let end = max;
  // A code point has at most three continuation bytes; more of them in a row are not UTF-8 and have no boundary.
  while (end > 0 && max - end < 3 && isContinuation(bytes[end])) end -= 1;
  return bytes.subarray(0, isContinuation(bytes[end]) ? max : end);
}

/**
 * A response body as text that Postgres can store: invalid UTF-8 and NUL become U+FFFD, and what comes out is at most
 * 4096 bytes of UTF-8, or `bytesMax`. Give at least one byte more than is kept, so that a cut in mid-character can be seen.
 */
export function decodeBody(bytes: Uint8Array, bytesMax = BODY_KEPT_BYTES_MAX): string {
  const kept = truncateUtf8(bytes, bytesMax);
  const text = Buffer.from(kept.buffer, kept.byteOffset, kept.length).toString("utf8").replaceAll("\0", REPLACEMENT);
  const encoded = Buffer.from(text);
  if (encoded.length <= bytesMax) return text;
  return Buffer.from(truncateUtf8(encoded, bytesMax)).toString("utf8");
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

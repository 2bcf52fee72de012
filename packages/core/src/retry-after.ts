const RETRY_AFTER_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * How long a `Retry-After` header (RFC 9110 §10.2.3: seconds or an HTTP date) asks to wait, at most 24 h.
 * @returns milliseconds from `nowMs`, or null when there is none or it cannot be read
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  if (Number.isNaN(waitMs)) return null;
  return Math.min(Math.max(waitMs, 0), RETRY_AFTER_MAX_MS);
}

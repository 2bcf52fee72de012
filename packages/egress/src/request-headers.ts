/** Headers that frame the message or belong to the connection: a caller that sets one could desynchronise it. */
const RESERVED = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether a header is the sender's own and cannot be chosen for a webhook. */
export function isReservedHeader(name: string): boolean {
  return RESERVED.has(name.toLowerCase());
}

/** The headers of one request, by lower-case name: the sender's defaults, then the caller's, without reserved ones. */
export function requestHeaders(headers: Record<string, string>, userAgent: string): Record<string, string> {
  const chosen = Object.entries(headers).filter(([name]) => !isReservedHeader(name));
  return {
    "user-agent": userAgent,
    ...Object.fromEntries(chosen.map(([name, value]) => [name.toLowerCase(), value])),
    "accept-encoding": "identity",
  };
}

/** Headers that frame the message or belong to the connection (a caller that sets one could desynchronise it), or that say how the body is to be read. */
const FRAMING = [
  "accept-encoding",
  "alt-svc",
  "alt-used",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "max-forwards",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Headers by which servers believe who asks, for what, or in whose session. */
const IMPERSONATING = [
  "cf-connecting-ip",
  "client-ip",
  "cookie",
  "early-data",
  "fastly-client-ip",
  "forwarded",
  "forwarded-for",
  "set-cookie",
  "true-client-ip",
  "via",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-host",
  "x-original-url",
  "x-originating-ip",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
  "x-rewrite-url",
];

const RESERVED = new Set([...FRAMING, ...IMPERSONATING]);
const RESERVED_PREFIX = /^(proxy-|x-forwarded|x-original-forwarded|x-envoy-|sec-)/;

/** Whether a header is the sender's own, or nobody's, and cannot be chosen for a webhook; to a CGI or WSGI application `_` is `-`. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase().replaceAll("_", "-");
  return RESERVED.has(lower) || RESERVED_PREFIX.test(lower);
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

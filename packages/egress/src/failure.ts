/** What a request came to when no whole response was read. */
export type SendFailure =
  | "timeout"
  | "dns"
  | "refused"
  | "reset"
  | "tls"
  | "blocked_address"
  | "too_large"
  | "aborted"
  /** No access token was got for it: nothing was sent to the receiver. */
  | "token";

const ERROR_CHARACTERS_MAX = 300;

const FAILURE_BY_CODE: ReadonlyMap<string, SendFailure> = new Map([
  ["ERR_BLOCKED_ADDRESS", "blocked_address"],
  ["HPE_HEADER_OVERFLOW", "too_large"],
  ["ETIMEDOUT", "timeout"],
  ["ENOTFOUND", "dns"],
  ["ENODATA", "dns"],
  ["ESERVFAIL", "dns"],
  ["ECONNREFUSED", "refused"],
  ["ERR_PROXY", "refused"],
  ["EHOSTUNREACH", "refused"],
  ["EHOSTDOWN", "refused"],
  ["ENETUNREACH", "refused"],
  ["ENETDOWN", "refused"],
  ["EADDRNOTAVAIL", "refused"],
  ["EPROTO", "tls"],
  ["HOSTNAME_MISMATCH", "tls"],
  ["INVALID_CA", "tls"],
  ["INVALID_PURPOSE", "tls"],
  ["PATH_LENGTH_EXCEEDED", "tls"],
]);
const TLS_CODE = /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_)/;

/**
 * The outcome of a network error, decided by its `code` alone; a code that is not known is a `reset`.
 * `error` is one line of at most 300 characters. Node's messages hold host, port and certificate names, never headers
 * or bodies, and no path of the URL.
 */
export function describeFailure(failure: unknown): { outcome: SendFailure; error: string } {
  const code = codeOf(failure);
  const message = failure instanceof Error ? failure.message : "";
  return { outcome: outcomeOf(code), error: oneLine(message.includes(code) ? message : `${code}: ${message}`) };
}

function codeOf(failure: unknown): string {
  const hasCode = typeof failure === "object" && failure !== null && "code" in failure;
  return hasCode && typeof failure.code === "string" ? failure.code : "UNKNOWN";
}

function outcomeOf(code: string): SendFailure {
  if (TLS_CODE.test(code)) return "tls";
  if (code.startsWith("EAI_")) return "dns";
  return FAILURE_BY_CODE.get(code) ?? "reset";
}

function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, " ")
    .slice(0, ERROR_CHARACTERS_MAX)
    .trim();
}

/** What one request came to, as a value. `aborted`: the worker stopped before the receiver answered; `token`: no access token was got, so nothing was sent. */
export const FAILED_OUTCOMES = [
  "timeout",
  "dns",
  "refused",
  "reset",
  "tls",
  "blocked_address",
  "too_large",
  "aborted",
  "token",
] as const;
export type FailedOutcome = (typeof FAILED_OUTCOMES)[number];
export type Outcome = "responded" | FailedOutcome;

/** What is kept of a receiver's answer: the body's first 4096 bytes as text. */
export interface ReceivedResponse {
  status: number;
  headers: Record<string, string>;
  bodyText: string;
}

export type SendResult =
  | ({ outcome: "responded"; durationMs: number } & ReceivedResponse)
  | ({ outcome: FailedOutcome; error: string; durationMs: number } & Partial<ReceivedResponse>);

/** The receiver took it: any 2xx. */
export function isSuccess(result: SendResult): boolean {
  return result.outcome === "responded" && result.status >= 200 && result.status < 300;
}

/** The receiver says that this endpoint is gone for good. */
export function isGone(result: SendResult): boolean {
  return result.outcome === "responded" && result.status === 410;
}

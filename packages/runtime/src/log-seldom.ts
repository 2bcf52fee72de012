import type { Logger } from "pino";

const SILENT_MS = 5_000;

/**
 * Logs errors that come in swarms, as those of a connection that is tried again and again: one of each message in 5 s, with the number
 * of those that were left out before it.
 * @param nowMs the clock
 */
export function logSeldom(log: Logger, message: string, nowMs: () => number = Date.now): (error: Error) => void {
  let lastText = "";
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (error) => {
    const isRepeat = error.message === lastText && nowMs() - loggedAtMs < SILENT_MS;
    if (isRepeat) {
      leftOut += 1;
      return;
    }
    log.warn({ err: error, ...(leftOut > 0 && { left_out: leftOut }) }, message);
    lastText = error.message;
    loggedAtMs = nowMs();
    leftOut = 0;
  };
}

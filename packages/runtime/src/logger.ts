import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

const SECRET_FIELDS = ["authorization", "secret", "secrets", "password", "api_key", "headers.authorization"];

/**
 * JSON lines on standard output, one wide line an event, RFC 3339 times.
 * @param options.service the process kind, on every line
 * @param options.level a pino level, or `silent`
 */
export function createLogger(options: { service: string; level: string }, stream?: DestinationStream): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    messageKey: "message",
    redact: { paths: SECRET_FIELDS, censor: "[redacted]" },
  };
  return stream ? pino(settings, stream) : pino(settings);
}

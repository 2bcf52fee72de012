import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";

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
    serializers: { err: describeError },
  };
  return stream ? pino(settings, stream) : pino(settings);
}

/**
 * Of an error what it says of itself, and its code. Whatever else a library hangs on it stays out: ioredis the command that was refused,
 * which may be a login with its password; Node the URL that it could not parse.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  const code: unknown = Reflect.get(error, "code");
  return { type, message, stack, ...(code !== undefined && { code }) };
}

/** SQLSTATEs that a single item may cause: data exceptions, constraint violations, deadlocks. */
const ITEM_FAULT = /^(22|23|40)/;
const TIMEOUT = "57014";
/** A batch that is too large meets its time-out as a quarter; a database that stands still never does, and each try lasts as long. */
const HALVINGS_AFTER_TIMEOUT_MAX = 2;

/**
 * Whether a database error may come from one item of a batch, so that its neighbours would pass without it.
 * @param halvings how often the batch has been halved already
 */
export function isItemFault(error: unknown, halvings = 0): boolean {
  const code = sqlState(error);
  if (code === TIMEOUT) return halvings < HALVINGS_AFTER_TIMEOUT_MAX;
  return code !== null && ITEM_FAULT.test(code);
}

/** Connection trouble and a server that stops, starts or is full: nothing is wrong with the request, later it may pass. */
const AWAY = /^(08|25006|40|53|57P|57014)/;
const AWAY_KINDS = new Set([
  "DatabaseNotReachable",
  "ConnectionClosed",
  "SocketTimeout",
  "TlsConnectionError",
  "TooManyConnections",
]);

/** Prisma's own code for a transaction that got no connection in time or lasted too long. */
const TRANSACTION_FAULT = "P2028";

/** Whether the database was away or overloaded. */
export function isDatabaseAway(error: unknown): boolean {
  const cause = causeOf(error);
  const kind = at(cause, "kind");
  return (
    at(error, "code") === TRANSACTION_FAULT ||
    AWAY.test(sqlState(error) ?? "") ||
    (typeof kind === "string" && AWAY_KINDS.has(kind)) ||
    isPoolTimeout(cause, error)
  );
}

/** node-postgres tells by its text alone that no connection came in time. */
function isPoolTimeout(cause: unknown, error: unknown): boolean {
  const text = [cause, error].map((part) => at(part, "message")).find((message) => typeof message === "string");
  return (
    typeof text === "string" &&
    /timeout exceeded when trying to connect|Connection terminated|Query read timeout/.test(text)
  );
}

/** The SQLSTATE behind an error of Prisma's raw queries, or null when the database was not reached. */
function sqlState(error: unknown): string | null {
  const cause = causeOf(error);
  const code = at(cause, "originalCode") ?? at(cause, "code");
  return typeof code === "string" ? code : null;
}

function causeOf(error: unknown): unknown {
  return at(at(at(error, "meta"), "driverAdapterError"), "cause");
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

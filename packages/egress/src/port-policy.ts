const PORT = /^\d{1,5}$/;
const PORT_MAX = 65_535;
const DEFAULT_RANGES: readonly Range[] = [
  [80, 80],
  [443, 443],
  [1024, PORT_MAX],
];

/**
 * Above 1023, yet no receiver: what the Fetch standard calls bad ports (SIP, X11, IRC and others, which may take lines of a request for commands), and
 * databases, caches and control planes that are found open on public addresses.
 */
const BAD_PORTS = [
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
];
const DATABASE_PORTS = [
  1433, 1521, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5984, 6379, 6380, 9042, 9200, 9300, 10_250, 11_211, 26_379,
  27_017,
];
const REFUSED_BY_DEFAULT = new Set([...BAD_PORTS, ...DATABASE_PORTS]);

type Range = readonly [from: number, to: number];

export interface PortPolicy {
  /** Whether a request may be sent to this TCP port. */
  isAllowed(port: number): boolean;
}

/**
 * The ports that requests may go to.
 * @param text such as `443,8000-8999`: these and no others; null: 80, 443 and those from 1024 on, without some where databases and the like listen
 * @throws Error naming the first part that is no port or range
 */
export function createPortPolicy(text: string | null): PortPolicy {
  if (text === null) return { isAllowed: (port) => isWithin(port, DEFAULT_RANGES) && !REFUSED_BY_DEFAULT.has(port) };
  const ranges = text.split(",").map(parseRange);
  return { isAllowed: (port) => isWithin(port, ranges) };
}

function isWithin(port: number, ranges: readonly Range[]): boolean {
  return ranges.some(([from, to]) => port >= from && port <= to);
}

function parseRange(part: string): Range {
  const [from = "", to = from, ...rest] = part.trim().split("-");
  const range: Range = [Number(from), Number(to)];
  const isRange = PORT.test(from) && PORT.test(to) && rest.length === 0;
  if (!isRange || range[0] < 1 || range[0] > range[1] || range[1] > PORT_MAX) {
    throw new Error(`"${part}" is not a port such as 443 or a range such as 8000-8999`);
  }
  return range;
}

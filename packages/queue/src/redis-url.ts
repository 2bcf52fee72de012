const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const ENDPOINTS_MAX = 32;

const URL_PARTS =
  /^(?<scheme>rediss?)(?:\+(?<topology>sentinel|cluster))?:\/\/(?:(?<credentials>[^/]*)@)?(?<hosts>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/;

export interface Endpoint {
  host: string;
  port: number;
}

/** Where Redis is and how to log in, as read from a URL. */
export interface RedisTarget {
  topology: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or some nodes of the cluster. */
  endpoints: Endpoint[];
  tls: boolean;
  db: number;
  username?: string;
  password?: string;
  /** What the sentinels call the primary; set for `sentinel` only. */
  masterName?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
}

/** A REDIS_URL that cannot be used. The message is one line and never holds the URL, which may hold a password. */
export class RedisUrlError extends Error {
  override name = "RedisUrlError";
}

/**
 * Reads a Redis URL; a second `s` (`rediss`) means TLS everywhere. Names and passwords are percent-encoded.
 *
 * - `redis://[user:password@]host[:6379][/db]`: one server (the scheme registered with IANA)
 * - `redis+sentinel://[user:password@]host[:26379][,host…]/master-name[/db][?sentinel_username=…&sentinel_password=…]`
 * - `redis+cluster://[user:password@]host[:6379][,host…]`: a cluster has no databases
 *
 * The last two are the spellings of Python's `limits` and of others who extended the first.
 * @throws RedisUrlError
 */
export function parseRedisUrl(url: string): RedisTarget {
  const parts = URL_PARTS.exec(url.trim())?.groups;
  if (!parts?.scheme) {
    fail("it must start with redis://, rediss://, redis+sentinel:// or redis+cluster:// (or rediss+…)");
  }
  const topology = readTopology(parts.topology);
  const [username, password] = readCredentials(parts.credentials);
  const query = new URLSearchParams(parts.query ?? "");
  const sentinelUsername = take(query, "sentinel_username", topology);
  const sentinelPassword = take(query, "sentinel_password", topology);
  const [unknown] = query.keys();
  if (unknown !== undefined) fail(`the parameter ${unknown} is not known here`);

  return {
    topology,
    endpoints: readEndpoints(parts.hosts ?? "", topology),
    tls: parts.scheme === "rediss",
    ...readPath((parts.path ?? "").split("/").slice(1).filter(Boolean), topology),
    ...(username && { username }),
    ...(password && { password }),
    ...(sentinelUsername && { sentinelUsername }),
    ...(sentinelPassword && { sentinelPassword }),
  };
}

function readTopology(text: string | undefined): RedisTarget["topology"] {
  return text === "sentinel" || text === "cluster" ? text : "single";
}

function readCredentials(text: string | undefined): [username: string, password: string] {
  if (text === undefined) return ["", ""];
  const colon = text.indexOf(":");
  return colon < 0 ? [decode(text), ""] : [decode(text.slice(0, colon)), decode(text.slice(colon + 1))];
}

function readEndpoints(text: string, topology: RedisTarget["topology"]): Endpoint[] {
  const hosts = text.split(",");
  if (topology === "single" && hosts.length > 1) fail("several hosts need redis+sentinel:// or redis+cluster://");
  if (hosts.length > ENDPOINTS_MAX) fail(`it names more than ${ENDPOINTS_MAX} hosts`);
  return hosts.map((host) => readEndpoint(host, topology === "sentinel" ? SENTINEL_PORT : REDIS_PORT));
}

function readEndpoint(text: string, portDefault: number): Endpoint {
  const match = /^(?:\[(?<ipv6>[\da-f:.]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups;
  const host = match?.ipv6 ?? match?.name;
  const port = Number(match?.port ?? portDefault);
  if (!host) fail("each host must be host or host:port");
  if (port < 1 || port > 65_535) fail(`the port of ${host} must be 1 to 65535`);
  return { host, port };
}

function readPath(segments: string[], topology: RedisTarget["topology"]): { db: number; masterName?: string } {
  const masterName = topology === "sentinel" ? decode(segments.shift() ?? "") : "";
  if (topology === "sentinel" && !masterName) fail("redis+sentinel:// needs the master's name: …/master-name");
  const [db = "0", ...rest] = segments;
  if (rest.length > 0 || !/^\d{1,5}$/.test(db)) fail("the database must be a number, the last part of the path");
  if (topology === "cluster" && db !== "0") fail("a cluster has no databases");
  return { db: Number(db), ...(masterName && { masterName }) };
}

function take(query: URLSearchParams, name: string, topology: RedisTarget["topology"]): string | null {
  if (topology !== "sentinel") return null;
  const value = query.get(name);
  query.delete(name);
  return value;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return fail("a percent sign in it is not followed by two hex digits");
  }
}

function fail(reason: string): never {
  throw new RedisUrlError(`REDIS_URL: ${reason}`);
}

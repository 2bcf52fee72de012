import { lookup, Resolver } from "node:dns/promises";

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;

/** All addresses of a name; rejects with a `code` such as ENOTFOUND when there are none. */
export type Lookup = (hostname: string) => Promise<string[]>;

/** The operating system's resolver, so that /etc/hosts and container networks count. */
export async function systemLookup(hostname: string): Promise<string[]> {
  const answers = await lookup(hostname, { all: true });
  return answers.map(({ address }) => address);
}

/**
 * Asks these DNS servers and nobody else: neither /etc/hosts nor search domains count.
 * @param servers addresses, with a port if it is not 53: `10.0.0.2`, `10.0.0.2:5353`, `[fd00::2]:53`
 * @throws Error when one of them is no address
 */
export function createDnsLookup(servers: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
  resolver.setServers(servers);
  return async (hostname) => {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    // One family without an answer is common; both without one is a name that does not resolve.
    const [failed] = answers.filter((answer) => answer.status === "rejected");
    if (addresses.length === 0 && failed !== undefined) throw toLookupError(hostname, failed.reason);
    return addresses;
  };
}

/** Without the server's fault, whose ECONNREFUSED would read as the receiver's. */
function toLookupError(hostname: string, { code }: NodeJS.ErrnoException): Error {
  const isAbsent = code === "ENOTFOUND" || code === "ENODATA";
  const text = isAbsent ? `${hostname} has no address` : `${hostname} could not be resolved`;
  return Object.assign(new Error(text), { code: isAbsent ? code : "ESERVFAIL" });
}

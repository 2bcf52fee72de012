import { lookup } from "node:dns/promises";

/** All addresses of a name; rejects with a `code` such as ENOTFOUND when there are none. */
export type Lookup = (hostname: string) => Promise<string[]>;

/** The operating system's resolver, so that /etc/hosts and container networks count. */
export async function systemLookup(hostname: string): Promise<string[]> {
  const answers = await lookup(hostname, { all: true });
  return answers.map(({ address }) => address);
}

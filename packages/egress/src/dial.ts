import { isIP, isIPv4, type LookupFunction } from "node:net";
import type { AddressPolicy } from "./address-policy.js";
import type { Lookup } from "./lookup.js";
import type { PortPolicy } from "./port-policy.js";

/** Where a request would have gone is not allowed; `code` is what outcomes are decided by. */
export class BlockedAddressError extends Error {
  override name = "BlockedAddressError";
  readonly code = "ERR_BLOCKED_ADDRESS";
}

/** For a webhook that was made before http:// was ruled out. */
export function noPlainHttp(): BlockedAddressError {
  return new BlockedAddressError("http:// is not allowed: the scheme must be https");
}

export interface DialRules {
  policy: AddressPolicy;
  ports: PortPolicy;
  lookup: Lookup;
  /** Whether nothing is dialled for http://. */
  httpsOnly: boolean;
}

/** PEM texts; an authority replaces Node's roots of trust. */
export interface TlsSettings {
  ca?: string;
  cert?: string;
  key?: string;
}

/** Certificates are verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
export const VERIFYING = { rejectUnauthorized: true };

interface Target {
  host?: string | null | undefined;
  port?: number | string | null | undefined;
}

/** Why nothing is dialled there, without a look-up; null: nothing is known against it. */
export function refusalOf({ policy, ports }: DialRules, { host, port }: Target): BlockedAddressError | null {
  if (!ports.isAllowed(Number(port))) return new BlockedAddressError(`port ${port} is not allowed`);
  if (host && isIP(host) !== 0 && !policy.isAllowed(host))
    return new BlockedAddressError(`${host} is not a public address`);
  return null;
}

/**
 * The addresses of a name, all of them allowed.
 * @throws BlockedAddressError when one is not, or what the resolver throws
 */
export async function resolveAllowed({ policy, lookup }: DialRules, hostname: string): Promise<[string, ...string[]]> {
  const [first, ...others] = await lookup(hostname);
  if (first === undefined) throw Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" });
  if (![first, ...others].every((address) => policy.isAllowed(address))) {
    throw new BlockedAddressError(`${hostname} resolves to an address that is not public`);
  }
  return [first, ...others];
}

/** The one allowed address that somebody else is asked to dial: whether that one has IPv6 is not known. */
export async function resolveOne(rules: DialRules, host: string): Promise<string> {
  const addresses = isIP(host) === 0 ? await resolveAllowed(rules, host) : [host];
  return addresses.find((address) => isIPv4(address)) ?? addresses[0] ?? host;
}

/** For a socket that resolves the name itself: it gets addresses that were judged, or none. */
export function toLookupFunction(resolve: (hostname: string) => Promise<string[]>): LookupFunction {
  return (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const answers = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first = { address: "", family: 0 }] = answers;
        if (all) callback(null, answers);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    );
  };
}

import { isIP } from "node:net";
import type { AddressPolicy } from "./address-policy.js";
import { type Lookup, systemLookup } from "./lookup.js";

const LOOKUP_TIMEOUT_MS = 3000;
const LOOPBACK = "127.0.0.1";

export type UrlCheckResult =
  | { ok: true }
  | { ok: false; reason: "not_a_url" | "scheme" | "credentials" | "blocked_address"; detail: string };

export interface UrlCheckOptions {
  policy: AddressPolicy;
  /** The system's resolver unless given. */
  lookup?: Lookup;
}

/**
 * Judges the URL of a webhook before it is stored: http(s), no credentials, every address of its host allowed.
 * A name that does not resolve within 3 s is accepted: it may exist later, and each connect checks what it dials.
 * Details never show the addresses of a name, which would let anyone read the operator's private DNS.
 */
export function createUrlCheck({
  policy,
  lookup = systemLookup,
}: UrlCheckOptions): (url: string) => Promise<UrlCheckResult> {
  return async (text) => {
    if (!URL.canParse(text)) return refuse("not_a_url", "not an absolute URL");
    const url = new URL(text);
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      return refuse("scheme", "the scheme must be https or http");
    }
    if (url.username !== "" || url.password !== "") {
      return refuse("credentials", "a user name or password in the URL is not accepted");
    }
    // WHATWG parsing has already turned 0x7f.1, 2130706433 and the like into dotted quads.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0) {
      return policy.isAllowed(host) ? { ok: true } : refuse("blocked_address", `${host} is not a public address`);
    }
    return (await isNameAllowed(host, policy, lookup))
      ? { ok: true }
      : refuse("blocked_address", `${host} resolves to an address that is not public`);
  };
}

function refuse(reason: Exclude<UrlCheckResult, { ok: true }>["reason"], detail: string): UrlCheckResult {
  return { ok: false, reason, detail };
}

async function isNameAllowed(host: string, policy: AddressPolicy, lookup: Lookup): Promise<boolean> {
  // RFC 6761 §6.3: such names are loopback, whatever the resolver says or fails to say.
  if (/(^|\.)localhost\.?$/.test(host) && !policy.isAllowed(LOOPBACK)) return false;
  const addresses = await lookupInTime(host, lookup);
  return addresses.every((address) => policy.isAllowed(address));
}

async function lookupInTime(host: string, lookup: Lookup): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(resolve, LOOKUP_TIMEOUT_MS, []);
  });
  const answer = lookup(host).catch((): string[] => []);
  const addresses = await Promise.race([answer, late]);
  clearTimeout(timer);
  return addresses;
}

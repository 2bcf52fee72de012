import { isIP } from "node:net";
import type { AddressPolicy } from "./address-policy.js";
import { type Lookup, systemLookup } from "./lookup.js";
import { createPortPolicy, type PortPolicy } from "./port-policy.js";

const LOOKUP_TIMEOUT_MS = 3000;
const LOOPBACK = "127.0.0.1";
const DEFAULT_PORT = { "http:": 80, "https:": 443 } as const;

/** RFC 6761 §6.3: such names are loopback, whatever the resolver says or fails to say. */
const LOOPBACK_NAME = /(^|\.)localhost(\.localdomain|6|6\.localdomain6)?\.?$|^ip6-(localhost|loopback)\.?$/;
/** RFC 6762, RFC 8375, ICANN's name for private use, names of routers, and names without a dot: what they mean depends on where one asks. */
const LOCAL_NAME = /(^|\.)(local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)\.?$|^[^.]+\.?$/;
/** What a URL parser quietly drops or turns into a slash. */
const SLOPPY = /[\s\p{Cc}\\]/u;

export type UrlCheckResult = { ok: true } | { ok: false; reason: UrlFault; detail: string };

export type UrlFault = "not_a_url" | "scheme" | "credentials" | "port" | "blocked_address";

export interface UrlCheckOptions {
  policy: AddressPolicy;
  /** The system's resolver unless given. */
  lookup?: Lookup;
  /** The default ports unless given. */
  ports?: PortPolicy;
  /** Whether http:// is refused. */
  httpsOnly?: boolean;
}

/**
 * Judges the URL of a webhook before it is stored: http(s), no credentials, its port and every address of its host allowed.
 * A name that does not resolve within 3 s is accepted, unless it is a local one: it may exist later, and each connect checks what it dials.
 * Details never show the addresses of a name, which would let anyone read the operator's private DNS.
 */
export function createUrlCheck({
  policy,
  lookup = systemLookup,
  ports = createPortPolicy(null),
  httpsOnly = false,
}: UrlCheckOptions): (url: string) => Promise<UrlCheckResult> {
  return async (text) => {
    if (!URL.canParse(text)) return refuse("not_a_url", "not an absolute URL");
    const url = new URL(text);
    const fault = faultOf(url, { ports, httpsOnly });
    if (fault !== null) return fault;
    if (SLOPPY.test(text))
      return refuse(
        "not_a_url",
        "not an absolute URL: white space, control characters and backslashes must be encoded",
      );
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

/** What is wrong with it, whatever its host. */
function faultOf(url: URL, { ports, httpsOnly }: { ports: PortPolicy; httpsOnly: boolean }): UrlCheckResult | null {
  const { protocol } = url;
  if (protocol !== "https:" && protocol !== "http:") return refuse("scheme", "the scheme must be https or http");
  if (protocol === "http:" && httpsOnly) return refuse("scheme", "the scheme must be https");
  if (url.username !== "" || url.password !== "") {
    return refuse("credentials", "a user name or password in the URL is not accepted");
  }
  const port = url.port === "" ? DEFAULT_PORT[protocol] : Number(url.port);
  return ports.isAllowed(port) ? null : refuse("port", `port ${port} is not allowed`);
}

function refuse(reason: UrlFault, detail: string): UrlCheckResult {
  return { ok: false, reason, detail };
}

async function isNameAllowed(host: string, policy: AddressPolicy, lookup: Lookup): Promise<boolean> {
  if (LOOPBACK_NAME.test(host) && !policy.isAllowed(LOOPBACK)) return false;
  const addresses = await lookupInTime(host, lookup);
  if (LOCAL_NAME.test(host) && addresses.length === 0) return false;
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

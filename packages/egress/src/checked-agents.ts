import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { AddressPolicy } from "./address-policy.js";
import type { Lookup } from "./lookup.js";

/** Below the 5 s after which common servers close an idle connection, so that a reused one is rarely dead. */
const IDLE_TIMEOUT_MS = 4000;
/** Node's default of 250 ms gives up on far hosts that have several addresses. */
const CONNECT_NEXT_ADDRESS_MS = 1000;
const REFUSED_HOST = "refused.invalid";

/** The address that would have been dialled is not allowed; `code` is what outcomes are decided by. */
class BlockedAddressError extends Error {
  override name = "BlockedAddressError";
  readonly code = "ERR_BLOCKED_ADDRESS";
}

export interface CheckedAgentsOptions {
  policy: AddressPolicy;
  lookup: Lookup;
  /** Beyond this many open connections a finished one is closed instead of kept. */
  connectionsMax: number;
  /** PEM; replaces Node's roots of trust. */
  certificateAuthority?: string;
}

export interface CheckedAgents {
  http: HttpAgent;
  https: HttpsAgent;
}

/**
 * Keep-alive agents that check the very address they dial, literals and resolved names alike, so that a DNS answer which
 * changes after any earlier check changes nothing. They know no proxies.
 */
export function createCheckedAgents(options: CheckedAgentsOptions): CheckedAgents {
  const shared = {
    keepAlive: true,
    timeout: IDLE_TIMEOUT_MS,
    autoSelectFamilyAttemptTimeout: CONNECT_NEXT_ADDRESS_MS,
    lookup: checkedLookup(options.policy, options.lookup),
  };
  const { certificateAuthority: ca } = options;
  const agents = { http: new HttpAgent(shared), https: new HttpsAgent(ca === undefined ? shared : { ...shared, ca }) };
  const open = { count: 0, max: options.connectionsMax };
  guard(agents.http, options.policy, open);
  guard(agents.https, options.policy, open);
  return agents;
}

function checkedLookup(policy: AddressPolicy, lookup: Lookup): LookupFunction {
  return (hostname, { all }, callback) => {
    lookup(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(notFound(hostname), "");
        else if (!addresses.every((address) => policy.isAllowed(address))) {
          callback(new BlockedAddressError(`${hostname} resolves to an address that is not public`), "");
        } else if (all)
          callback(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          );
        else callback(null, first, isIP(first));
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    );
  };
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" });
}

function guard(agent: HttpAgent, policy: AddressPolicy, open: { count: number; max: number }): void {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const host = options.host ?? "";
    // `lookup` is never called for a literal. A refused one takes the path of a failed lookup, which every layer
    // cleans up after; failing in here would leave an entry in the agent's table of sockets for ever.
    const isRefused = isIP(host) !== 0 && !policy.isAllowed(host);
    const socket = connect(isRefused ? { ...options, host: REFUSED_HOST, lookup: refusal(host) } : options, callback);
    open.count += 1;
    socket?.once("close", () => {
      open.count -= 1;
    });
    return socket;
  };
  const keep = agent.keepSocketAlive.bind(agent);
  // Node reads the answer, though its types say void: false closes the connection.
  agent.keepSocketAlive = (socket) => (open.count > open.max ? false : keep(socket));
}

function refusal(host: string): LookupFunction {
  return (_hostname, _options, callback) => {
    process.nextTick(callback, new BlockedAddressError(`${host} is not a public address`), "");
  };
}

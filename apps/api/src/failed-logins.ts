import { createHash } from "node:crypto";
import type { Logger } from "@homing/runtime/logger";
import ipaddr from "ipaddr.js";

/** Most addresses and names that are remembered; beyond them the oldest are forgotten. */
const REMEMBERED_MAX = 10_000;
/** Addresses from which a name has logged in; they are let in while it is closed to others. */
const FAMILIAR_MAX = 1_000;
/** A provider hands out whole networks of so many bits to one customer. */
const IPV6_NETWORK_PARTS = 4;

export interface FailedLogins {
  /** Seconds until this may be tried again; null: now. */
  blockedSeconds(login: Login): number | null;
  /** Counts one that failed. */
  fail(login: Login): void;
  /** Forgets the address's failures; from now on it is familiar with the name. */
  succeed(login: Login): void;
}

export interface Login {
  /** Of the client; null: its connection is gone. */
  address: string | null;
  /** Who it says it is, where it says so. */
  name?: string;
}

export interface FailedLoginLimits {
  /** Failures of one address (of an IPv6 network of 64 bits) in a window. */
  perAddressMax: number;
  /** Failures of one name in a window, from wherever they come; absent: names are not counted. */
  perNameMax?: number;
  windowMs: number;
}

/** Keys have 256 random bits: nobody finds one by trying, but many would be a load, and somebody should hear of it. */
export const API_LOGINS: FailedLoginLimits = { perAddressMax: 60, windowMs: 60_000 };
/** A password may be a poor one. */
export const BOARD_LOGINS: FailedLoginLimits = { perAddressMax: 10, perNameMax: 100, windowMs: 15 * 60_000 };

interface Count {
  failures: number;
  endsAtMs: number;
}

/**
 * Counts failed logins in this process, in bounded memory, and logs each that it counts. Credentials and names are neither kept nor logged.
 * @param options.door where one logs in, for the log
 */
export function createFailedLogins(options: {
  door: "api" | "board";
  limits: FailedLoginLimits;
  log: Logger;
  nowMs?: () => number;
}): FailedLogins {
  const { door, log, nowMs = Date.now } = options;
  const { perAddressMax, perNameMax = Infinity, windowMs } = options.limits;
  const counts = new Map<string, Count>();
  const familiar = new Set<string>();

  function countOf(key: string): Count | undefined {
    const count = counts.get(key);
    if (count === undefined || count.endsAtMs > nowMs()) return count;
    counts.delete(key);
    return undefined;
  }
  function add(key: string): number {
    const count = countOf(key);
    if (count !== undefined) return ++count.failures;
    forgetOldest(counts, REMEMBERED_MAX);
    counts.set(key, { failures: 1, endsAtMs: nowMs() + windowMs });
    return 1;
  }
  function secondsLeft(key: string, max: number): number | null {
    const count = countOf(key);
    return count === undefined || count.failures < max ? null : Math.ceil((count.endsAtMs - nowMs()) / 1000);
  }
  function blockedSeconds(login: Login): number | null {
    const byAddress = secondsLeft(addressKey(login), perAddressMax);
    if (login.name === undefined || familiar.has(pairKey(login))) return byAddress;
    return byAddress ?? secondsLeft(nameKey(login.name), perNameMax);
  }
  return {
    blockedSeconds,
    fail(login) {
      const failures = add(addressKey(login));
      if (login.name !== undefined) add(nameKey(login.name));
      const isBlocked = blockedSeconds(login) !== null;
      log.warn({ door, client_address: login.address, failures, is_blocked: isBlocked }, "login.failed");
    },
    succeed(login) {
      counts.delete(addressKey(login));
      const pair = pairKey(login);
      if (familiar.has(pair)) return;
      forgetOldest(familiar, FAMILIAR_MAX);
      familiar.add(pair);
    },
  };
}

function addressKey({ address }: Login): string {
  return `address ${networkOf(address ?? "")}`;
}

// A name may be as long as a header.
function nameKey(name: string): string {
  return `name ${createHash("sha256").update(name).digest("base64")}`;
}

function pairKey(login: Login): string {
  return `${addressKey(login)} ${nameKey(login.name ?? "")}`;
}

/** An IPv4 address as it is, of an IPv6 address its network. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return "parts" in parsed ? parsed.parts.slice(0, IPV6_NETWORK_PARTS).join(":") : parsed.toString();
}

/** Maps and sets hold what was added first at their front. */
function forgetOldest(remembered: Map<string, unknown> | Set<string>, max: number): void {
  if (remembered.size < max) return;
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest);
    return;
  }
}

import Joi from "joi";
import { type AddressPolicy, createAddressPolicy } from "./address-policy.js";
import { createDnsLookup, type Lookup, systemLookup } from "./lookup.js";
import { createOwnAddresses } from "./own-addresses.js";
import { createPortPolicy, type PortPolicy } from "./port-policy.js";

/** The variables of the environment that say where requests may go, as an app's schema takes them in beside its own and `EGRESS_ALLOW`. */
export interface EgressVariables {
  EGRESS_DENY: string[];
  EGRESS_PORTS: PortPolicy;
  EGRESS_HTTPS_ONLY: boolean;
  EGRESS_PROXY: string | null;
  DNS_SERVERS: Lookup;
}

/** Where requests may go and how: what `createUrlCheck` and `createSend` are made with. */
export interface Egress {
  policy: AddressPolicy;
  ports: PortPolicy;
  httpsOnly: boolean;
  lookup: Lookup;
  /** null: none */
  proxy: string | null;
}

/** Joi's keys for `EgressVariables`; their faults name the variable, never its value. */
export function egressVariables(): Joi.PartialSchemaMap<EgressVariables> {
  return {
    EGRESS_DENY: parsed("be a comma-separated list of CIDRs", (text) => {
      const cidrs = listOf(text);
      createAddressPolicy({ allow: cidrs });
      return cidrs;
    }).default([]),
    EGRESS_PORTS: parsed("be a list of ports and ranges such as 443,8000-8999", createPortPolicy).default(() =>
      createPortPolicy(null),
    ),
    EGRESS_HTTPS_ONLY: Joi.boolean().default(false),
    EGRESS_PROXY: parsed("be the http:// or https:// URL of a proxy", parseProxy).default(null),
    DNS_SERVERS: parsed("be a comma-separated list of addresses of DNS servers", (text) =>
      createDnsLookup(listOf(text)),
    ).default(() => systemLookup),
  };
}

/** What an app's `Config` keeps of them. */
export interface EgressSettings extends Omit<Egress, "policy"> {
  /** CIDRs that are refused though they are public. */
  deny: string[];
}

export function toEgressSettings(variables: EgressVariables): EgressSettings {
  return {
    deny: variables.EGRESS_DENY,
    ports: variables.EGRESS_PORTS,
    httpsOnly: variables.EGRESS_HTTPS_ONLY,
    lookup: variables.DNS_SERVERS,
    proxy: variables.EGRESS_PROXY,
  };
}

/**
 * Everything that decides where requests go. This machine's own addresses are refused, unless they are allowed.
 * @param options.own further addresses of ours; host names among them are passed over
 * @throws Error naming the first text of `allow` that is not a CIDR
 */
export function createEgress(
  { deny, ...settings }: EgressSettings,
  { allow, own = [] }: { allow: readonly string[]; own?: readonly string[] },
): Egress {
  return { ...settings, policy: createAddressPolicy({ allow, deny, own: createOwnAddresses(own) }) };
}

function parsed(demand: string, parse: (text: string) => unknown): Joi.StringSchema {
  return Joi.string()
    .custom((text: string) => parse(text))
    .messages({ "any.custom": `{{#label}} must ${demand}` });
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function parseProxy(text: string): string {
  const { protocol, username, password } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") throw new Error("not a proxy");
  // Read again for each connection, where it must not throw.
  decodeURIComponent(username + password);
  return text;
}

import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** All of IPv6 that is assigned for public unicast (IANA); what lies outside is never a receiver. */
const PUBLIC_IPV6 = ipaddr.parseCIDR("2000::/3");
/** RFC 6052 §2.1: the IPv4 address is in the last 32 bits. */
/** Public by its number, but it answers every machine in Azure as its host: metadata, keys, extensions. */
const AZURE_HOST = ipaddr.parseCIDR("168.63.129.16/32");
const NAT64 = ipaddr.parseCIDR("64:ff9b::/96");

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

export interface AddressPolicy {
  /** Whether a request may be sent to this IP address; anything that is not an IP address is refused. */
  isAllowed(address: string): boolean;
}

/**
 * Only public unicast addresses, and what the operator allows beside them.
 * IPv4-mapped addresses are judged by the IPv4 address they reach; NAT64 ones must embed a public address; 6to4, Teredo
 * and every other special range of IANA's registries is refused.
 * @param options.allow CIDRs that may be reached though they are not public, such as `10.1.0.0/16` or `::1/128`.
 * @throws Error naming the first text that is not a CIDR.
 */
export function createAddressPolicy(options: { allow: readonly string[] }): AddressPolicy {
  const allowed = options.allow.map(parseRange);
  return {
    isAllowed(text) {
      if (isIP(text) === 0) return false;
      const address = reached(ipaddr.parse(text));
      return isPublic(address) || allowed.some((range) => isWithin(address, range));
    },
  };
}

function parseRange(text: string): Range {
  const [address = "", bits] = text.split("/");
  // ipaddr.js also reads "10/8" and "0x7f.1/8"; an operator who writes these gets an error instead of a guess.
  if (bits === undefined || isIP(address) === 0 || !ipaddr.isValidCIDR(text)) {
    throw new Error(`"${text}" is not a CIDR such as 10.0.0.0/8 or ::1/128`);
  }
  return ipaddr.parseCIDR(text);
}

function reached(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return address.range() === "unicast" && !isWithin(address, AZURE_HOST);
  if (isWithin(address, NAT64)) return isPublic(new ipaddr.IPv4(address.toByteArray().slice(12)));
  return isWithin(address, PUBLIC_IPV6) && address.range() === "unicast";
}

function isWithin(address: Address, range: Range): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}

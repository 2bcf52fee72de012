import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { NAT64, SPECIAL_IPV4, SPECIAL_IPV6, UNICAST_IPV6 } from "./special-ranges.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

const SPECIAL = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map((cidr): Range => ipaddr.parseCIDR(cidr));
const UNICAST = ipaddr.parseCIDR(UNICAST_IPV6);
const TRANSLATED = ipaddr.parseCIDR(NAT64);
/** RFC 5214 §6.1: an interface id that says which IPv4 address a tunnel leads to. */
const ISATAP = [0x0000_5efe, 0x0200_5efe];

export interface AddressPolicy {
  /** Whether a request may be sent to this IP address; anything that is not an IP address is refused. */
  isAllowed(address: string): boolean;
}

export interface AddressPolicyOptions {
  /** CIDRs that may be reached though they are not public, or refused otherwise, such as `10.1.0.0/16` or `::1/128`. */
  allow: readonly string[];
  /** CIDRs that are refused though they are public. */
  deny?: readonly string[];
  /** The addresses of this machine as of now, which are refused though they are public. */
  own?: () => readonly string[];
}

/**
 * Only public unicast addresses that are not our own, and what the operator allows beside them.
 * IPv4-mapped addresses are judged by the IPv4 address they reach; NAT64 ones must embed a public address; 6to4, Teredo
 * and every other special range of IANA's registries is refused.
 * @throws Error naming the first text that is not a CIDR.
 */
export function createAddressPolicy({ allow, deny = [], own = () => [] }: AddressPolicyOptions): AddressPolicy {
  const allowed = allow.map(parseRange);
  const denied = deny.map(parseRange);
  return {
    isAllowed(text) {
      const parsed = parseAddress(text);
      if (parsed === null) return false;
      const address = reached(parsed);
      if (isWithinAny(address, allowed)) return true;
      const target = embedded(address);
      return (
        isPublic(target) && !isWithinAny(target, denied) && !isWithinAny(address, denied) && !isOneOf(target, own())
      );
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

/** null: not an address. ipaddr.js takes a compatible address such as `::8.8.8.8` for a mapped one, unless it is spelled in hex. */
function parseAddress(text: string): Address | null {
  if (isIP(text) === 0) return null;
  if (!text.includes(":") || !text.includes(".")) return ipaddr.parse(text);
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? ipaddr.parse(new URL(url).hostname.slice(1, -1)) : null;
}

function reached(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** The IPv4 address behind a NAT64 one. */
function embedded(address: Address): Address {
  return isWithin(address, TRANSLATED) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

function isPublic(address: Address): boolean {
  if (isWithinAny(address, SPECIAL) || address.range() !== "unicast") return false;
  return address instanceof ipaddr.IPv4 || (isWithin(address, UNICAST) && !isTunnel(address));
}

function isTunnel({ parts }: ipaddr.IPv6): boolean {
  const [high = 0, low = 0] = parts.slice(4, 6);
  return ISATAP.includes(high * 0x1_0000 + low);
}

function isOneOf(address: Address, own: readonly string[]): boolean {
  return own.some((text) => {
    const ours = parseAddress(text);
    return ours !== null && reached(ours).toString() === address.toString();
  });
}

function isWithinAny(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some((range) => isWithin(address, range));
}

function isWithin(address: Address, range: Range): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}

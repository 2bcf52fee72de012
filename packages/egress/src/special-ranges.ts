/**
 * What IANA's registries of special-purpose addresses list (RFC 6890, IPv4 and IPv6 as of 2026), with multicast, former unicast of tests and
 * the one public number that is special in a cloud. All of it is refused, also the few anycast services that are marked as globally reachable: none is a receiver.
 */
export const SPECIAL_IPV4 = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared, behind a carrier's NAT; 100.100.100.200 is Alibaba's metadata
  "127.0.0.0/8", // loopback
  "168.63.129.16/32", // public by its number, but it answers every machine in Azure as its host: metadata, keys, extensions
  "169.254.0.0/16", // link-local: metadata in most clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments, DS-Lite, NAT64 discovery; 192.0.0.192 is Oracle's metadata
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays, 6a44
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarking
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, limited broadcast
];

/** All of IPv6 that is assigned for public unicast; what lies outside (loopback, mapped and compatible, discard, SRv6, ULA, link- and site-local, multicast) never is a receiver. */
export const UNICAST_IPV6 = "2000::/3";

/** RFC 6052 §2.1: the IPv4 address is in the last 32 bits. Local-use prefixes (64:ff9b:1::/48) may embed it anywhere and are refused. */
export const NAT64 = "64:ff9b::/96";

/** Special though inside of `UNICAST_IPV6`. */
export const SPECIAL_IPV6 = [
  "2001::/23", // protocol assignments: Teredo, PCP, TURN, DNS-SD, benchmarking, AMT, AS112, ORCHID, ORCHIDv2, drone ids
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4 embeds an IPv4 address
  "2620:4f:8000::/48", // AS112
  "3ffe::/16", // 6bone, returned
  "3fff::/20", // documentation
];

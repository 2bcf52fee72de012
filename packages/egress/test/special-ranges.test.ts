import { describe, expect, test } from "@jest/globals";
import { createAddressPolicy } from "../src/address-policy.js";

/** IANA's registry of special-purpose IPv4 addresses, and multicast, with an address from each block's start and end. */
const IPV4: [block: string, ...addresses: string[]][] = [
  ["0.0.0.0/8", "0.0.0.0", "0.255.255.255"],
  ["0.0.0.0/32", "0.0.0.0"],
  ["10.0.0.0/8", "10.0.0.0", "10.255.255.255"],
  ["100.64.0.0/10", "100.64.0.0", "100.100.100.200", "100.127.255.255"],
  ["127.0.0.0/8", "127.0.0.0", "127.255.255.255"],
  ["169.254.0.0/16", "169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255"],
  ["172.16.0.0/12", "172.16.0.0", "172.31.255.255"],
  ["192.0.0.0/24", "192.0.0.0", "192.0.0.192", "192.0.0.255"],
  ["192.0.0.0/29", "192.0.0.7"],
  ["192.0.0.8/32", "192.0.0.8"],
  ["192.0.0.9/32", "192.0.0.9"],
  ["192.0.0.10/32", "192.0.0.10"],
  ["192.0.0.170/31", "192.0.0.170", "192.0.0.171"],
  ["192.0.2.0/24", "192.0.2.0", "192.0.2.255"],
  ["192.31.196.0/24", "192.31.196.0", "192.31.196.255"],
  ["192.52.193.0/24", "192.52.193.0", "192.52.193.255"],
  ["192.88.99.0/24", "192.88.99.0", "192.88.99.2", "192.88.99.255"],
  ["192.168.0.0/16", "192.168.0.0", "192.168.255.255"],
  ["192.175.48.0/24", "192.175.48.0", "192.175.48.255"],
  ["198.18.0.0/15", "198.18.0.0", "198.19.255.255"],
  ["198.51.100.0/24", "198.51.100.0", "198.51.100.255"],
  ["203.0.113.0/24", "203.0.113.0", "203.0.113.255"],
  ["224.0.0.0/4", "224.0.0.0", "239.255.255.255"],
  ["240.0.0.0/4", "240.0.0.0", "255.255.255.254"],
  ["255.255.255.255/32", "255.255.255.255"],
  ["Azure's host", "168.63.129.16"],
];

/** IANA's registry of special-purpose IPv6 addresses, and what else is no public unicast. */
const IPV6: [block: string, ...addresses: string[]][] = [
  ["::1/128", "::1"],
  ["::/128", "::"],
  ["::/96, compatible", "::7f00:1", "::8.8.8.8"],
  ["::ffff:0:0/96, mapped", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:100.100.100.200"],
  ["::ffff:0:0:0/96, translated", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
  ["64:ff9b::/96, special within", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16"],
  ["64:ff9b:1::/48", "64:ff9b:1::", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["100::/64", "100::", "100::ffff:ffff:ffff:ffff"],
  ["100:0:0:1::/64", "100:0:0:1::1"],
  ["2001::/23", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001::/32, Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  ["2001:1::1/128, PCP", "2001:1::1"],
  ["2001:1::2/128, TURN", "2001:1::2"],
  ["2001:1::3/128, DNS-SD", "2001:1::3"],
  ["2001:2::/48, benchmarking", "2001:2::1"],
  ["2001:3::/32, AMT", "2001:3::1"],
  ["2001:4:112::/48, AS112", "2001:4:112::1"],
  ["2001:10::/28, ORCHID", "2001:10::1", "2001:1f:ffff::1"],
  ["2001:20::/28, ORCHIDv2", "2001:20::1", "2001:2f:ffff::1"],
  ["2001:30::/28, drones", "2001:30::1", "2001:3f:ffff::1"],
  ["2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2002::/16", "2002::", "2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:808:808::1"],
  ["2620:4f:8000::/48", "2620:4f:8000::1"],
  ["3ffe::/16", "3ffe::1", "3ffe:ffff::1"],
  ["3fff::/20", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["5f00::/16, SRv6", "5f00::", "5f00:ffff::1"],
  ["fc00::/7", "fc00::", "fd00:ec2::254", "fd20:ce::254", "fdff:ffff::1"],
  ["fe80::/10", "fe80::", "fe80::a9fe:a9fe", "febf:ffff::1"],
  ["fec0::/10", "fec0::1", "feff::1"],
  ["ff00::/8", "ff00::", "ff02::1", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["not assigned", "200::1", "1000::1", "4000::1", "8000::1", "e000::1"],
  ["ISATAP in a public prefix", "2600:1::5efe:7f00:1", "2600:1::200:5efe:10.0.0.1"],
];

/** The last before and the first after a block, and receivers of everybody. */
const PUBLIC = [
  "1.0.0.0",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.0",
  "168.63.129.15",
  "168.63.129.17",
  "169.253.255.255",
  "169.255.0.0",
  "172.15.255.255",
  "172.32.0.0",
  "191.255.255.255",
  "192.0.1.0",
  "192.0.3.0",
  "192.167.255.255",
  "192.169.0.0",
  "198.17.255.255",
  "198.20.0.0",
  "203.0.112.255",
  "203.0.114.0",
  "223.255.255.255",
  "2001:200::1",
  "2001:4860:4860::8888",
  "2003::1",
  "2600::1",
  "2606:4700::1111",
  "2a00:1450:4001::1",
  "2c0f:f248::1",
];

const policy = createAddressPolicy({ allow: [] });
const cases = [...IPV4, ...IPV6].flatMap(([block, ...addresses]) => addresses.map((address) => ({ block, address })));

test.each(cases)("$address of $block is refused", ({ address }) => {
  expect(policy.isAllowed(address)).toBe(false);
});

test.each(PUBLIC)("%s is beside all of them and is public", (address) => {
  expect(policy.isAllowed(address)).toBe(true);
});

describe("this machine's own addresses", () => {
  const own = () => ["198.41.0.4", "2606:4700::6810:1", "fe80::1%eth0", "not-an-address.example"];

  test("are refused in each spelling though they are public, and no others are", () => {
    const ours = createAddressPolicy({ allow: [], own });
    const asked = ["198.41.0.4", "::ffff:198.41.0.4", "64:ff9b::198.41.0.4", "2606:4700:0::6810:1", "198.41.0.5"];
    expect(asked.filter((address) => ours.isAllowed(address))).toEqual(["198.41.0.5"]);
  });

  test("are reached when the operator allows them", () => {
    const ours = createAddressPolicy({ allow: ["198.41.0.4/32"], own });
    expect(ours.isAllowed("198.41.0.4")).toBe(true);
  });

  test("are asked for again, because they change", () => {
    const addresses: string[] = [];
    const ours = createAddressPolicy({ allow: [], own: () => addresses });
    expect(ours.isAllowed("198.41.0.4")).toBe(true);
    addresses.push("198.41.0.4");
    expect(ours.isAllowed("198.41.0.4")).toBe(false);
  });
});

test("what the operator denies is refused though it is public, and is reached where it is allowed too", () => {
  const denying = createAddressPolicy({ allow: ["198.41.1.1/32"], deny: ["198.41.0.0/16", "2606:4700::/32"] });
  const asked = ["198.41.0.4", "64:ff9b::198.41.0.4", "2606:4700::1", "198.41.1.1", "198.42.0.1"];
  expect(asked.filter((address) => denying.isAllowed(address))).toEqual(["198.41.1.1", "198.42.0.1"]);
});

import { describe, expect, test } from "@jest/globals";
import { createAddressPolicy } from "../src/address-policy.js";

const PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"];

const NOT_PUBLIC = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "168.63.129.16",
  "172.16.0.1",
  "192.0.0.1",
  "192.0.2.1",
  "192.168.1.1",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b::10.0.0.1",
  "64:ff9b:1::8.8.8.8",
  "100::1",
  "2001:0:4136:e378:8000:63bf:3fff:fdd2",
  "2001:db8::1",
  "2002:7f00:1::",
  "2002:808:808::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "5f00::1",
];

describe("without an allow list", () => {
  const policy = createAddressPolicy({ allow: [] });

  test.each(PUBLIC)("%s may be reached", (address) => {
    expect(policy.isAllowed(address)).toBe(true);
  });

  test.each(NOT_PUBLIC)("%s is refused", (address) => {
    expect(policy.isAllowed(address)).toBe(false);
  });

  test.each(["", "localhost", "example.com", "2130706433", "0x7f.1", "127.1", "8.8.8.8 ", "[2606:4700::1111]"])(
    "%j is no address and is refused",
    (text) => {
      expect(policy.isAllowed(text)).toBe(false);
    },
  );
});

describe("with an allow list", () => {
  test("opens what a CIDR of either family covers and nothing else", () => {
    const policy = createAddressPolicy({ allow: ["127.0.0.0/8", "10.1.0.0/16", "::1/128", "fd00::/8"] });
    const asked = ["127.0.0.1", "10.1.255.255", "10.2.0.1", "::1", "::2", "fd12::1", "fc00::1", "192.168.0.1"];
    expect(asked.filter((address) => policy.isAllowed(address))).toEqual([
      "127.0.0.1",
      "10.1.255.255",
      "::1",
      "fd12::1",
    ]);
  });

  test("judges an IPv4-mapped address by the IPv4 address, and a NAT64 one by itself", () => {
    const policy = createAddressPolicy({ allow: ["127.0.0.0/8"] });
    expect(policy.isAllowed("::ffff:127.0.0.1")).toBe(true);
    expect(policy.isAllowed("64:ff9b::127.0.0.1")).toBe(false);
  });

  test.each(["10.0.0.0", "10/8", "10.0.0.0/33", "0x7f.1/8", "::1/129", "office", "10.0.0.0/8/8", ""])(
    "%j is named in the error because it is not a CIDR",
    (text) => {
      expect(() => createAddressPolicy({ allow: ["127.0.0.0/8", text] })).toThrow(`"${text}" is not a CIDR`);
    },
  );
});

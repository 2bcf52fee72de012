import { type TestDns, startDns } from "@homing/local/test-dns";
import { afterEach, expect, test } from "@jest/globals";
import { createDnsLookup } from "../src/lookup.js";

let dns: TestDns | undefined;

afterEach(async () => {
  await dns?.close();
  dns = undefined;
});

test("a name has the addresses of both families, from the servers that were named", async () => {
  dns = await startDns(() => ({ A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] }));
  const addresses = await createDnsLookup([dns.server])("a.example");
  expect(addresses.toSorted()).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
});

test("one family is enough", async () => {
  dns = await startDns((name) => (name === "six.example" ? { AAAA: ["2001:db8::1"] } : { A: ["192.0.2.1"] }));
  const lookup = createDnsLookup([dns.server]);
  expect([await lookup("four.example"), await lookup("six.example")]).toEqual([["192.0.2.1"], ["2001:db8::1"]]);
});

test("a name that is not there, or has no address, fails as such", async () => {
  dns = await startDns((name) => (name === "empty.example" ? {} : null));
  const lookup = createDnsLookup([dns.server]);
  await expect(lookup("none.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
  await expect(lookup("empty.example")).rejects.toMatchObject({ code: "ENODATA" });
});

test("a server that cannot be asked is no fault of the receiver's", async () => {
  const lookup = createDnsLookup(["127.0.0.1:1"]);
  await expect(lookup("a.example")).rejects.toMatchObject({
    code: "ESERVFAIL",
    message: "a.example could not be resolved",
  });
});

test.each(["resolver.example", "10.0.0.1:x", ""])("%j is no server", (server) => {
  expect(() => createDnsLookup([server])).toThrow("Invalid IP address");
});

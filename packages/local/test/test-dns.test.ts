import { Resolver } from "node:dns/promises";
import { expect, test } from "@jest/globals";
import { startDns } from "../src/test-dns.js";

test("a DNS server answers by name, family and count, and says when there is no such name", async () => {
  const dns = await startDns((name, count) =>
    name === "a.test" ? { A: [`192.0.2.${count}`], AAAA: ["2001:db8::1"] } : null,
  );
  const resolver = new Resolver();
  resolver.setServers([dns.server]);
  try {
    expect(await resolver.resolve4("a.test")).toEqual(["192.0.2.1"]);
    expect(await resolver.resolve4("a.test")).toEqual(["192.0.2.2"]);
    expect(await resolver.resolve6("a.test")).toEqual(["2001:db8::1"]);
    await expect(resolver.resolve4("b.test")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(dns.questions.map(({ type }) => type)).toEqual(["A", "A", "AAAA", "A"]);
  } finally {
    await dns.close();
  }
});

import { X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import { makeAuthority, makeCertificate } from "../src/test-certificates.js";

test("a certificate is its authority's, for the names that were asked for, until the time that was", async () => {
  const authority = await makeAuthority("an authority");
  const notAfter = new Date("2021-01-01T00:00:00Z");
  const made = new X509Certificate(
    (await makeCertificate("a server", { authority, names: ["a.test"], notAfter })).cert,
  );
  expect(made.verify(new X509Certificate(authority.cert).publicKey)).toBe(true);
  expect(made.checkHost("a.test")).toBe("a.test");
  expect(made.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(new Date(made.validTo)).toEqual(notAfter);
});

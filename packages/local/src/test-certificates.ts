import { generate } from "selfsigned";

const CURVE = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;

/** PEM texts. */
export interface TestCertificate {
  cert: string;
  key: string;
}

/** An authority of a test's own. */
export function makeAuthority(name: string): Promise<TestCertificate> {
  return make(name, {
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
}

/** A certificate by an authority, for servers at these names and 127.0.0.1 and for clients. */
export function makeCertificate(
  name: string,
  options: { authority: TestCertificate; names?: readonly string[]; notAfter?: Date },
): Promise<TestCertificate> {
  const { authority, names = [], notAfter } = options;
  return make(name, {
    ca: authority,
    ...(notAfter && { notBeforeDate: new Date(notAfter.getTime() - 1_000_000), notAfterDate: notAfter }),
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [{ type: 7, ip: "127.0.0.1" }, ...names.map((value) => ({ type: 2 as const, value }))],
      },
    ],
  });
}

async function make(name: string, options: Parameters<typeof generate>[1]): Promise<TestCertificate> {
  const made = await generate([{ name: "commonName", value: name }], { ...CURVE, ...options });
  return { cert: made.cert, key: made.private };
}

import { describe, expect, jest, test } from "@jest/globals";
import { createAddressPolicy } from "../src/address-policy.js";
import { createUrlCheck } from "../src/check-url.js";
import type { Lookup } from "../src/lookup.js";
import { createPortPolicy } from "../src/port-policy.js";

const PUBLIC = "93.184.216.34";

function aCheck(options: { lookup?: Lookup; allow?: string[]; ports?: string; httpsOnly?: boolean } = {}) {
  const { lookup = async () => [PUBLIC], allow = [], ports = null, httpsOnly = false } = options;
  return createUrlCheck({ policy: createAddressPolicy({ allow }), lookup, ports: createPortPolicy(ports), httpsOnly });
}

test.each([
  "https://example.com/hook",
  "http://example.com:8080/?a=b",
  `https://${PUBLIC}/`,
  "https://[2606:4700::1]/",
])("%s is accepted", async (url) => {
  expect(await aCheck()(url)).toEqual({ ok: true });
});

test.each([
  ["", "not_a_url"],
  ["example.com/hook", "not_a_url"],
  ["https://", "not_a_url"],
  ["http://[::1", "not_a_url"],
  ["http://256.0.0.1/", "not_a_url"],
  ["ftp://example.com/", "scheme"],
  ["file:///etc/passwd", "scheme"],
  ["javascript:alert(1)", "scheme"],
  ["https://user@example.com/", "credentials"],
  ["https://user:word@example.com/", "credentials"],
  ["https://:word@example.com/", "credentials"],
  ["https://example.com@evil.example/", "credentials"],
  ["https://exam\tple.com/", "not_a_url"],
  ["https://example.com/a\nb", "not_a_url"],
  [" https://example.com/", "not_a_url"],
  ["https:\\\\example.com\\", "not_a_url"],
  ["https://example.com:22/", "port"],
  ["https://example.com:0/", "port"],
  ["https://example.com:6379/", "port"],
  ["http://example.com:25/", "port"],
])("%j is refused as %s", async (url, reason) => {
  expect(await aCheck()(url)).toEqual({ ok: false, reason, detail: expect.any(String) });
});

test("the detail of a refusal does not repeat a password", async () => {
  expect(JSON.stringify(await aCheck()("https://user:sesame@example.com/"))).not.toContain("sesame");
});

test.each([
  "http://127.0.0.1/",
  "http://127.0.0.1./",
  "http://2130706433/",
  "http://0x7f.1/",
  "http://0177.0.0.1/",
  "http://127.1/",
  "http://１２７.0.0.1/",
  "http://0.0.0.0/",
  "http://0/",
  "http://169.254.169.254/latest/meta-data",
  "http://100.64.0.1/",
  "http://[::1]/",
  "http://[::]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[64:ff9b::7f00:1]/",
  "http://[fd00::1]/",
])("the literal %s is refused without a lookup", async (url) => {
  const lookup = jest.fn<Lookup>();
  expect(await aCheck({ lookup })(url)).toMatchObject({ ok: false, reason: "blocked_address" });
  expect(lookup).not.toHaveBeenCalled();
});

describe("a name", () => {
  test("is refused when any of its addresses is not public, and the address is not told", async () => {
    const result = await aCheck({ lookup: async () => [PUBLIC, "10.0.0.7"] })("https://inside.example/");
    expect(result).toMatchObject({ ok: false, reason: "blocked_address" });
    expect(JSON.stringify(result)).not.toContain("10.0.0.7");
  });

  test("is accepted when it does not resolve, because it may later", async () => {
    const lookup = jest.fn<Lookup>().mockRejectedValue(Object.assign(new Error("none"), { code: "ENOTFOUND" }));
    expect(await aCheck({ lookup })("https://not-yet.example/")).toEqual({ ok: true });
  });

  test("is accepted when the resolver does not answer within 3 seconds", async () => {
    jest.useFakeTimers();
    try {
      const checking = aCheck({ lookup: () => new Promise(() => undefined) })("https://slow.example/");
      await jest.advanceTimersByTimeAsync(3000);
      expect(await checking).toEqual({ ok: true });
    } finally {
      jest.useRealTimers();
    }
  });

  test.each(["http://localhost/", "http://LOCALHOST./", "http://app.localhost:3000/"])(
    "of loopback such as %s is refused whatever the resolver says",
    async (url) => {
      expect(await aCheck()(url)).toMatchObject({ ok: false, reason: "blocked_address" });
    },
  );
});

test("loopback that the operator allowed is accepted by address and by name", async () => {
  const check = aCheck({ allow: ["127.0.0.0/8", "::1/128"], lookup: async () => ["::1", "127.0.0.1"] });
  expect(await check("http://127.0.0.1:3000/")).toEqual({ ok: true });
  expect(await check("http://localhost:3000/")).toEqual({ ok: true });
});

test("the ports that the operator opened are the only ones, those of the schemes included", async () => {
  const check = aCheck({ ports: "443,25" });
  expect(await check("https://example.com/")).toEqual({ ok: true });
  expect(await check("https://example.com:25/")).toEqual({ ok: true });
  expect(await check("http://example.com/")).toMatchObject({ reason: "port", detail: "port 80 is not allowed" });
  expect(await check("https://example.com:8443/")).toMatchObject({ reason: "port" });
});

test("http is refused where only https is wanted", async () => {
  expect(await aCheck({ httpsOnly: true })("http://example.com/")).toMatchObject({
    reason: "scheme",
    detail: "the scheme must be https",
  });
  expect(await aCheck({ httpsOnly: true })("https://example.com/")).toEqual({ ok: true });
});

test.each([
  "metadata.google.internal",
  "printer.local",
  "a.localdomain",
  "router.lan",
  "x.home.arpa",
  "db.corp.",
  "unix",
  "redis.",
])(
  "%s is refused unless it resolves to addresses that are allowed: what it means depends on where one asks",
  async (host) => {
    expect(await aCheck({ lookup: async () => [] })(`http://${host}/`)).toMatchObject({ reason: "blocked_address" });
    expect(await aCheck({ lookup: async () => ["10.1.2.3"] })(`http://${host}/`)).toMatchObject({
      reason: "blocked_address",
    });
    expect(await aCheck({ lookup: async () => ["10.1.2.3"], allow: ["10.1.0.0/16"] })(`http://${host}/`)).toEqual({
      ok: true,
    });
  },
);

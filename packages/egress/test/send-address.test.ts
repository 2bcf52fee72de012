import { afterEach, expect, jest, test } from "@jest/globals";
import { createAddressPolicy } from "../src/address-policy.js";
import { createUrlCheck } from "../src/check-url.js";
import type { Lookup } from "../src/lookup.js";
import { createPortPolicy } from "../src/port-policy.js";
import { aRequest, cleanUp, startHttp, startHttps, startSender } from "./receivers.js";

const PUBLIC = "93.184.216.34";

afterEach(cleanUp);

test.each([
  "127.0.0.1",
  "2130706433",
  "0x7f.1",
  "127.1",
  "0.0.0.0",
  "169.254.169.254",
  "100.64.0.1",
  "10.0.0.1",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[64:ff9b::7f00:1]",
])("nothing is sent to the literal %s, over http or https", async (host) => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ allow: [] });
  for (const scheme of ["http", "https"]) {
    const result = await sender.send(aRequest(`${scheme}://${host}:${receiver.port}/`));
    expect(result).toMatchObject({ outcome: "blocked_address", error: expect.any(String) });
  }
  expect(receiver.connections).toHaveLength(0);
});

test("nothing is sent to a name when any of its addresses is not allowed, and the address is not told", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ allow: [], lookup: async () => [PUBLIC, "127.0.0.1"] });
  for (const scheme of ["http", "https"]) {
    const result = await sender.send(aRequest(`${scheme}://inside.example:${receiver.port}/`));
    expect(result).toMatchObject({ outcome: "blocked_address", error: expect.not.stringContaining("127.0.0.1") });
  }
  expect(receiver.connections).toHaveLength(0);
});

test("a name whose answer changes after the check is refused when it is dialled", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const lookup = jest.fn<Lookup>().mockResolvedValueOnce([PUBLIC]).mockResolvedValue(["127.0.0.1"]);
  const policy = createAddressPolicy({ allow: [] });
  const url = `http://rebinding.example:${receiver.port}/`;

  expect(await createUrlCheck({ policy, lookup })(url)).toEqual({ ok: true });
  expect(await startSender({ policy, lookup }).send(aRequest(url))).toMatchObject({ outcome: "blocked_address" });
  expect(receiver.connections).toHaveLength(0);
});

test("the address that was checked is the one that is dialled: a connection asks the resolver once", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const lookup = jest.fn<Lookup>().mockResolvedValueOnce(["127.0.0.1"]).mockResolvedValue(["10.0.0.1"]);
  const result = await startSender({ lookup }).send(aRequest(`http://name.example:${receiver.port}/`));
  expect(result).toMatchObject({ outcome: "responded", status: 200 });
  expect(lookup.mock.calls).toEqual([["name.example"]]);
});

test("a refused address leaves the next allowed one reachable", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ allow: ["127.0.0.0/8"] });
  expect(await sender.send(aRequest("http://10.0.0.1/"))).toMatchObject({ outcome: "blocked_address" });
  expect(await sender.send(aRequest(receiver))).toMatchObject({ outcome: "responded" });
});

test("an allow list opens loopback by address and by name", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ allow: ["127.0.0.1/32"], lookup: async () => ["127.0.0.1"] });
  expect(await sender.send(aRequest(receiver))).toMatchObject({ outcome: "responded" });
  expect(await sender.send(aRequest(`http://localhost:${receiver.port}/`))).toMatchObject({ outcome: "responded" });
});

test("nothing is sent to a port that is not open, over http or https, by literal or by name", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ ports: createPortPolicy("443"), lookup: async () => ["127.0.0.1"] });
  for (const origin of ["http://127.0.0.1", "https://127.0.0.1", "http://a.example", "https://a.example"]) {
    const result = await sender.send(aRequest(`${origin}:${receiver.port}/`));
    expect(result).toMatchObject({
      outcome: "blocked_address",
      error: expect.stringContaining(`port ${receiver.port} is not allowed`),
    });
  }
  expect(receiver.connections).toHaveLength(0);
});

test("nothing is sent to http where only https is wanted", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ httpsOnly: true });
  const result = await sender.send(aRequest(receiver));
  expect(result).toMatchObject({
    outcome: "blocked_address",
    error: expect.stringContaining("the scheme must be https"),
  });
  expect(receiver.connections).toHaveLength(0);
});

test("a fragment is not sent", async () => {
  const receiver = await startHttp((request, response) => response.end(request.url));
  const url = `http://127.0.0.1:${receiver.port}/hook?a=1#s3cr3t`;
  expect(await startSender().send(aRequest(url))).toMatchObject({ bodyText: "/hook?a=1" });
});

test("proxies of the environment are not used", async () => {
  const proxy = await startHttp((_request, response) => response.end("proxy"));
  const receiver = await startHttps((_request, response) => response.end());
  const variables = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"];
  const before = variables.map((name) => [name, process.env[name]] as const);
  for (const name of variables) process.env[name] = `http://127.0.0.1:${proxy.port}`;
  try {
    const sender = startSender();
    await sender.send(aRequest(`https://127.0.0.1:${receiver.port}/`));
    expect(await sender.send(aRequest(`http://127.0.0.1:${receiver.port}/`))).toHaveProperty("outcome");
    expect([proxy.connections.length, receiver.connections.length]).toEqual([0, 2]);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

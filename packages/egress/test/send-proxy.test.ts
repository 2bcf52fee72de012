import { execFile } from "node:child_process";
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { CERTIFICATE } from "@homing/local/certificate";
import { makeAuthority, makeCertificate } from "@homing/local/test-certificates";
import type { TLSSocket } from "node:tls";
import type { Lookup } from "../src/lookup.js";
import { aRequest, atEnd, cleanUp, startHttp, startHttps, startSender } from "./receivers.js";

afterEach(cleanUp);

interface Proxy {
  url: string;
  /** Each CONNECT, oldest first. */
  asked: IncomingMessage[];
}

/** A real proxy, which opens what it is asked for, or answers this status. */
async function startProxy(status = 200): Promise<Proxy> {
  const asked: IncomingMessage[] = [];
  const server = createServer((_request, response) => response.writeHead(418).end());
  server.on("connect", (request, socket) => {
    asked.push(request);
    socket.on("error", () => undefined);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname.replace(/^\[|\]$/g, ""), () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not a TCP server");
  return { url: `http://us:s3cr3t@127.0.0.1:${address.port}`, asked };
}

const resolved: Lookup = async () => ["127.0.0.1"];

test("http goes through the proxy: it is asked for the address that was checked, the receiver sees its own name", async () => {
  const receiver = await startHttp((request, response) => response.end(request.headers.host));
  const proxy = await startProxy();
  const lookup = jest.fn<Lookup>(resolved);
  const sender = startSender({ proxy: proxy.url, lookup });
  const url = `http://receiver.example:${receiver.port}/hook`;
  for (let times = 0; times < 2; times += 1) {
    const result = await sender.send(aRequest(url));
    expect(result).toMatchObject({ outcome: "responded", status: 200, bodyText: `receiver.example:${receiver.port}` });
  }
  expect(proxy.asked.map(({ url: target }) => target)).toEqual([`127.0.0.1:${receiver.port}`]);
  expect(proxy.asked[0]?.headers["proxy-authorization"]).toBe(`Basic ${Buffer.from("us:s3cr3t").toString("base64")}`);
  expect(lookup.mock.calls).toEqual([["receiver.example"]]);
});

test("https goes through the proxy with the name in SNI and in the certificate, not the address", async () => {
  const authority = await makeAuthority("test");
  const certificate = await makeCertificate("receiver", { authority, names: ["receiver.example"] });
  const receiver = await startHttps((request, response) => {
    const socket: Pick<TLSSocket, "servername"> = Object.assign(request.socket);
    response.end(socket.servername);
  }, certificate);
  const proxy = await startProxy();
  const sender = startSender({ proxy: proxy.url, lookup: resolved, certificateAuthority: authority.cert });
  const result = await sender.send(aRequest(`https://receiver.example:${receiver.port}/`));
  expect(result).toMatchObject({ outcome: "responded", bodyText: "receiver.example" });
  expect(proxy.asked[0]?.url).toBe(`127.0.0.1:${receiver.port}`);
  expect(await sender.send(aRequest(`https://other.example:${receiver.port}/`))).toMatchObject({ outcome: "tls" });
});

test("https to a literal goes through the proxy, too", async () => {
  const receiver = await startHttps((_request, response) => response.end());
  const proxy = await startProxy();
  const sender = startSender({ proxy: proxy.url, certificateAuthority: CERTIFICATE });
  const result = await sender.send(aRequest(`https://127.0.0.1:${receiver.port}/`));
  expect(result).toMatchObject({ outcome: "responded", status: 200 });
});

describe("the proxy is asked for nothing", () => {
  test.each(["127.0.0.1", "[::1]", "169.254.169.254", "0x7f.1", "[::ffff:127.0.0.1]"])(
    "at the literal %s",
    async (host) => {
      const proxy = await startProxy();
      const sender = startSender({ proxy: proxy.url, allow: [] });
      for (const scheme of ["http", "https"]) {
        expect(await sender.send(aRequest(`${scheme}://${host}:8080/`))).toMatchObject({ outcome: "blocked_address" });
      }
      expect(proxy.asked).toHaveLength(0);
    },
  );

  test("for a name of which one address is not allowed", async () => {
    const proxy = await startProxy();
    const sender = startSender({ proxy: proxy.url, allow: [], lookup: async () => ["93.184.216.34", "10.0.0.1"] });
    for (const scheme of ["http", "https"]) {
      expect(await sender.send(aRequest(`${scheme}://a.example/`))).toMatchObject({ outcome: "blocked_address" });
    }
    expect(proxy.asked).toHaveLength(0);
  });

  test("for a name that does not resolve", async () => {
    const proxy = await startProxy();
    const sender = startSender({ proxy: proxy.url, lookup: async () => [] });
    expect(await sender.send(aRequest("http://a.example/"))).toMatchObject({ outcome: "dns" });
    expect(proxy.asked).toHaveLength(0);
  });
});

test.each([403, 407, 502])(
  "a %i of the proxy is no answer of the receiver's, and says nothing of the proxy",
  async (status) => {
    const proxy = await startProxy(status);
    const sender = startSender({ proxy: proxy.url });
    for (const scheme of ["http", "https"]) {
      const result = await sender.send(aRequest(`${scheme}://127.0.0.1:8080/`));
      expect(result).toEqual({
        outcome: "refused",
        error: `ERR_PROXY: the operator's proxy opened no connection (${status})`,
        durationMs: expect.any(Number),
      });
    }
  },
);

test("a proxy that is away is no secret-telling either", async () => {
  const sender = startSender({ proxy: "http://us:s3cr3t@127.0.0.1:1" });
  const result = await sender.send(aRequest("http://127.0.0.1:8080/"));
  expect(result).toMatchObject({
    outcome: "refused",
    error: expect.stringMatching(/proxy opened no connection \(ECONNREFUSED\)$/),
  });
});

// A process of its own: the variable is Node's, which reads it from its real environment.
test.each(["directly", "through the proxy"])(
  "certificates are verified %s, also where NODE_TLS_REJECT_UNAUTHORIZED says that they are not",
  async (way) => {
    let requests = 0;
    const receiver = await startHttps((_request, response) => {
      requests += 1;
      response.end();
    });
    const proxy = way === "directly" ? null : (await startProxy()).url;
    const script = `
      import { createSend } from "@homing/egress/send";
      const sender = createSend({ policy: { isAllowed: () => true }, userAgent: "Test", proxy: ${JSON.stringify(proxy)} });
      const url = "https://localhost:${receiver.port}/";
      const { outcome } = await sender.send({ url, headers: {}, body: "{}", timeoutMs: 5_000 });
      process.stdout.write(outcome);
      sender.close();`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
    });
    expect(stdout).toBe("tls");
    expect(requests).toBe(0);
  },
);

import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { CERTIFICATE } from "@homing/local/certificate";
import { aRequest, cleanUp, startHttp, startHttps, startRaw, startSender } from "./receivers.js";

afterEach(cleanUp);

test("posts the body byte for byte with the caller's headers and reports status, headers and body", async () => {
  let seen: unknown;
  const receiver = await startHttp(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    seen = { method: request.method, url: request.url, body, headers: request.headers };
    response.writeHead(202, { "X-Answer": "yes", "Set-Cookie": ["a=1", "b=2"] }).end("taken");
  });
  const body = Buffer.from('{"name":"Zoë",  "raw":"\u0000"}');
  const headers = { "Content-Type": "application/json", "webhook-id": "msg_1" };
  const result = await startSender().send(aRequest(receiver, { body, headers }));

  expect(seen).toMatchObject({
    method: "POST",
    url: "/hook",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": "msg_1",
      "user-agent": "Homing-Test",
      "accept-encoding": "identity",
      "content-length": String(body.length),
    },
  });
  expect(result).toMatchObject({
    outcome: "responded",
    status: 202,
    headers: { "x-answer": "yes", "set-cookie": "a=1, b=2" },
    bodyText: "taken",
    durationMs: expect.any(Number),
  });
});

test("a caller cannot change how the message is framed, nor ask for compression", async () => {
  const receiver = await startHttp(async (request, response) => {
    const body = (await request.toArray()).join("");
    const { host, te, connection, "accept-encoding": encoding } = request.headers;
    response.end(JSON.stringify({ body, host, te, connection, encoding }));
  });
  const headers = {
    Host: "other",
    "Content-Length": "2",
    TE: "trailers",
    Connection: "close",
    "Accept-Encoding": "br",
  };
  const result = await startSender().send(aRequest(receiver, { body: "whole", headers }));
  expect(JSON.parse(result.bodyText ?? "")).toEqual({
    body: "whole",
    host: `127.0.0.1:${receiver.port}`,
    connection: "keep-alive",
    encoding: "identity",
  });
});

test("headers that concern the connection alone are not recorded", async () => {
  const receiver = await startHttp((_, response) => {
    response.writeHead(200, { connection: "close", "keep-alive": "timeout=5", upgrade: "h2c", "x-kept": "1" });
    response.write("in chunks");
    response.end();
  });
  const result = await startSender().send(aRequest(receiver, {}));
  expect(result).toMatchObject({ outcome: "responded", headers: { date: expect.any(String), "x-kept": "1" } });
  expect(Object.keys(result.headers ?? {}).toSorted()).toEqual(["date", "upgrade", "x-kept"]);
});

test("an empty body is sent as one", async () => {
  const receiver = await startHttp((request, response) => response.end(request.headers["content-length"]));
  expect(await startSender().send(aRequest(receiver, { body: "" }))).toMatchObject({ status: 200, bodyText: "0" });
});

test.each([301, 302, 303, 307, 308])("a %i is an answer and is not followed", async (status) => {
  const paths: (string | undefined)[] = [];
  const receiver = await startHttp((request, response) => {
    paths.push(request.url);
    response.writeHead(status, { location: "/elsewhere" }).end();
  });
  expect(await startSender().send(aRequest(receiver))).toMatchObject({ outcome: "responded", status });
  expect(paths).toEqual(["/hook"]);
});

test.each([204, 400, 410, 429, 500, 503])("a %i is an answer", async (status) => {
  const receiver = await startHttp((_request, response) => response.writeHead(status, { "retry-after": "7" }).end());
  expect(await startSender().send(aRequest(receiver))).toMatchObject({
    outcome: "responded",
    status,
    headers: { "retry-after": "7" },
  });
});

test("a gzip body is recorded as it came, not unpacked", async () => {
  const packed = gzipSync("unpacked ".repeat(1000));
  const receiver = await startHttp((_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(packed),
  );
  const result = await startSender().send(aRequest(receiver));
  expect(result).toMatchObject({ outcome: "responded", status: 200 });
  expect(result.bodyText).not.toContain("unpacked");
});

test("the first 4096 bytes of a body are kept, without splitting a character", async () => {
  const receiver = await startHttp((_request, response) => {
    // The cut falls between these two writes and inside the character.
    response.write(Buffer.concat([Buffer.alloc(4093, "a"), Buffer.from("😀").subarray(0, 3)]));
    response.end(Buffer.concat([Buffer.from("😀").subarray(3), Buffer.alloc(5000, "b")]));
  });
  expect(await startSender().send(aRequest(receiver))).toMatchObject({
    outcome: "responded",
    bodyText: "a".repeat(4093),
  });
});

test("a connection is used again, and closed by the sender before a server's usual 5 seconds of idleness", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender();
  await sender.send(aRequest(receiver));
  await sender.send(aRequest(receiver));
  const [connection] = receiver.connections;
  expect(receiver.connections).toHaveLength(1);
  const idleSince = performance.now();
  if (connection) await once(connection, "close");
  expect(performance.now() - idleSince).toBeLessThan(4900);
});

test("no connection is kept beyond the given number of open ones", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender({ connectionsMax: 0 });
  await sender.send(aRequest(receiver));
  await sender.send(aRequest(receiver));
  expect(receiver.connections).toHaveLength(2);
});

test("close ends idle connections", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const sender = startSender();
  await sender.send(aRequest(receiver));
  const closed = receiver.connections.map((connection) => once(connection, "close"));
  sender.close();
  expect(await Promise.all(closed)).toHaveLength(1);
});

describe("over TLS", () => {
  test("a trusted certificate is accepted and the connection used again", async () => {
    const receiver = await startHttps((_request, response) => response.end("safe"));
    const sender = startSender({ certificateAuthority: CERTIFICATE });
    const request = aRequest(`https://127.0.0.1:${receiver.port}/`);
    expect(await sender.send(request)).toMatchObject({ outcome: "responded", status: 200, bodyText: "safe" });
    expect(await sender.send(request)).toMatchObject({ outcome: "responded" });
    expect(receiver.connections).toHaveLength(1);
  });

  test("a self-signed certificate is refused", async () => {
    const receiver = await startHttps((_request, response) => response.end());
    const result = await startSender().send(aRequest(`https://127.0.0.1:${receiver.port}/`));
    expect(result).toMatchObject({ outcome: "tls", error: expect.stringContaining("DEPTH_ZERO_SELF_SIGNED_CERT") });
  });

  test("a certificate of another name is refused", async () => {
    const receiver = await startHttps((_request, response) => response.end());
    const sender = startSender({ certificateAuthority: CERTIFICATE, lookup: async () => ["127.0.0.1"] });
    const result = await sender.send(aRequest(`https://other.example:${receiver.port}/`));
    expect(result).toMatchObject({ outcome: "tls", error: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID") });
  });

  test("a server that does not speak it is a tls failure", async () => {
    const receiver = await startRaw((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await startSender().send(aRequest(`https://127.0.0.1:${receiver.port}/`))).toMatchObject({ outcome: "tls" });
  });
});

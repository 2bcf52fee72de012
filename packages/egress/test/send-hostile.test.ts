import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { aRequest, cleanUp, type Receiver, startHttp, startRaw, startSender } from "./receivers.js";

const HEAD = "HTTP/1.1 200 OK\r\nX-Seen: yes\r\n";
const DEADLINE_MS = 300;

afterEach(cleanUp);

function everyConnectionClosed(receiver: Receiver): Promise<unknown> {
  const closings = receiver.connections.map(
    (socket) => new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve()))),
  );
  return Promise.all(closings);
}

describe("the deadline ends, and closes the connection of,", () => {
  test.each<[string, string | undefined]>([
    ["silence", undefined],
    ["half a status line", "HTTP/1."],
    ["half a header", `${HEAD}X-Ha`],
  ])("%s before the headers", async (_name, bytes) => {
    const receiver = await startRaw((socket) => bytes && socket.write(bytes));
    const result = await startSender().send(aRequest(receiver, { timeoutMs: DEADLINE_MS }));
    expect(result).toEqual({ outcome: "timeout", error: expect.any(String), durationMs: expect.any(Number) });
    expect(result.durationMs).toBeGreaterThanOrEqual(DEADLINE_MS - 5);
    await everyConnectionClosed(receiver);
  });

  test("a body that drips on and on, with what had arrived", async () => {
    const receiver = await startRaw((socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      const drip = setInterval(() => socket.write("1\r\nx\r\n"), 20);
      socket.on("close", () => clearInterval(drip));
    });
    const result = await startSender().send(aRequest(receiver, { timeoutMs: DEADLINE_MS }));
    expect(result).toMatchObject({ outcome: "timeout", status: 200, headers: { "x-seen": "yes" } });
    expect(result.bodyText).toMatch(/^x+$/);
    await everyConnectionClosed(receiver);
  });

  test("headers that drip on and on", async () => {
    const receiver = await startRaw((socket) => {
      socket.write(HEAD);
      const drip = setInterval(() => socket.write("X-More: 1\r\n"), 20);
      socket.on("close", () => clearInterval(drip));
    });
    expect(await startSender().send(aRequest(receiver, { timeoutMs: DEADLINE_MS }))).toMatchObject({
      outcome: "timeout",
    });
    await everyConnectionClosed(receiver);
  });

  test("a TLS handshake that never comes", async () => {
    const receiver = await startRaw(() => undefined);
    const request = aRequest(`https://127.0.0.1:${receiver.port}/`, { timeoutMs: DEADLINE_MS });
    expect(await startSender().send(request)).toMatchObject({ outcome: "timeout" });
    await everyConnectionClosed(receiver);
  });
});

test("a resolver that never answers ends at the deadline", async () => {
  const sender = startSender({ lookup: () => new Promise(() => undefined) });
  const request = aRequest("http://slow.example/", { timeoutMs: DEADLINE_MS });
  expect(await sender.send(request)).toMatchObject({ outcome: "timeout" });
});

test("reading an endless body stops early, and the answer counts", async () => {
  let bytesSent = 0;
  const receiver = await startHttp((_request, response) => {
    const pour = (): void => {
      do bytesSent += 65_536;
      while (!response.destroyed && response.write(Buffer.alloc(65_536, "a")));
    };
    response.on("drain", pour);
    pour();
  });
  const result = await startSender().send(aRequest(receiver));
  expect(result).toMatchObject({ outcome: "responded", status: 200, bodyText: "a".repeat(4096) });
  await everyConnectionClosed(receiver);
  // What is in flight is the two kernels' socket buffers, not the sender's memory.
  expect(bytesSent).toBeLessThan(64 * 1024 * 1024);
});

test("headers beyond 16 KiB are too large", async () => {
  const receiver = await startRaw((socket) => socket.write(`${HEAD}X-Large: ${"a".repeat(20_000)}\r\n\r\n`));
  expect(await startSender().send(aRequest(receiver))).toMatchObject({ outcome: "too_large" });
  await everyConnectionClosed(receiver);
});

test("of many headers 100 are recorded, and of large ones 8 KiB", async () => {
  const many = Array.from({ length: 150 }, (_, index) => `X-${index}: ${index}\r\n`).join("");
  const large = `X-Large: ${"a".repeat(8200)}\r\nRetry-After: 9\r\n`;
  const heads = [many, large];
  const receiver = await startRaw((socket) => socket.end(`${HEAD}${heads.shift()}Connection: close\r\n\r\n`));
  const sender = startSender();
  const first = await sender.send(aRequest(receiver));
  expect(Object.keys(first.headers ?? {})).toHaveLength(100);
  const second = await sender.send(aRequest(receiver));
  expect(second.headers).toEqual({ "x-seen": "yes", "retry-after": "9" });
});

describe("a reset is", () => {
  test("a connection that is reset before any answer", async () => {
    const receiver = await startRaw((socket) => socket.resetAndDestroy());
    const result = await startSender().send(aRequest(receiver));
    expect(result).toMatchObject({ outcome: "reset", error: expect.stringContaining("ECONNRESET") });
    expect(result).not.toHaveProperty("status");
  });

  test("a connection that is closed before any answer, and it is not sent again", async () => {
    let requests = 0;
    const receiver = await startRaw((socket) => {
      requests += 1;
      socket.end();
    });
    expect(await startSender().send(aRequest(receiver))).toMatchObject({ outcome: "reset" });
    expect(requests).toBe(1);
  });

  test.each([
    ["with a length", "Content-Length: 100\r\n\r\npart"],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"],
  ])("a body %s that is cut short, with what had arrived", async (_name, bytes) => {
    const receiver = await startRaw((socket) => socket.end(HEAD + bytes));
    expect(await startSender().send(aRequest(receiver))).toMatchObject({
      outcome: "reset",
      status: 200,
      headers: { "x-seen": "yes" },
      bodyText: "part",
    });
  });

  test.each([
    ["that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["with a broken chunk", `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ["with two lengths", `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
  ])("an answer %s", async (_name, bytes) => {
    const receiver = await startRaw((socket) => socket.write(bytes));
    expect(await startSender().send(aRequest(receiver))).toMatchObject({ outcome: "reset" });
    await everyConnectionClosed(receiver);
  });

  test("a kept connection that the receiver resets at the next request, which is not sent twice", async () => {
    let requests = 0;
    const receiver = await startRaw((socket) => {
      requests += 1;
      socket.write(`${HEAD}Content-Length: 0\r\n\r\n`);
      socket.on("data", () => {
        requests += 1;
        socket.resetAndDestroy();
      });
    });
    const sender = startSender();
    // Head and body as one piece, so that each request is one "data" event.
    expect(await sender.send(aRequest(receiver, { body: "" }))).toMatchObject({ outcome: "responded" });
    expect(await sender.send(aRequest(receiver, { body: "" }))).toMatchObject({ outcome: "reset" });
    expect(requests).toBe(2);
  });
});

test("a port that nobody listens on is refused", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  server.close();
  await once(server, "close");
  expect(await startSender().send(aRequest(`http://127.0.0.1:${port}/`))).toMatchObject({
    outcome: "refused",
    error: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a name without an address is a dns failure", async () => {
  const missing = Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  for (const lookup of [() => Promise.reject(missing), async () => []]) {
    const result = await startSender({ lookup }).send(aRequest("http://missing.example/"));
    expect(result).toMatchObject({ outcome: "dns", error: expect.stringContaining("ENOTFOUND") });
  }
});

test("a switch of protocols is an answer, and the connection is not left open", async () => {
  const receiver = await startRaw((socket) =>
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"),
  );
  expect(await startSender().send(aRequest(receiver))).toMatchObject({ outcome: "responded", status: 101 });
  await everyConnectionClosed(receiver);
});

test("an answer that comes before the request was read counts, and the rest of the request is not sent", async () => {
  const receiver = await startRaw((socket) => {
    socket.pause();
    socket.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  });
  const body = Buffer.alloc(32 * 1024 * 1024);
  expect(await startSender().send(aRequest(receiver, { body }))).toMatchObject({ outcome: "responded", status: 413 });
  for (const socket of receiver.connections) socket.resume();
  await everyConnectionClosed(receiver);
  expect(receiver.connections[0]?.bytesRead).toBeLessThan(body.length);
});

describe("a signal", () => {
  test("that is already set sends nothing", async () => {
    const receiver = await startHttp((_request, response) => response.end());
    const result = await startSender().send(aRequest(receiver, { signal: AbortSignal.abort() }));
    expect(result).toMatchObject({ outcome: "aborted" });
    expect(receiver.connections).toHaveLength(0);
  });

  test("stops a request under way and closes its connection", async () => {
    const stop = new AbortController();
    const receiver = await startRaw(() => stop.abort());
    expect(await startSender().send(aRequest(receiver, { signal: stop.signal }))).toMatchObject({ outcome: "aborted" });
    await everyConnectionClosed(receiver);
  });
});

test.each(["not a url", "ftp://example.com/", "http://unix/var/run/docker.sock:/"])(
  "%s reaches nothing and does not throw",
  async (url) => {
    expect(await startSender().send(aRequest(url))).toMatchObject({ outcome: "reset" });
  },
);

test("a header that cannot be sent does not throw, and its value is not in the error", async () => {
  const receiver = await startHttp((_request, response) => response.end());
  const result = await startSender().send(aRequest(receiver, { headers: { "x-key": "sesame\n" } }));
  expect(result).toMatchObject({ outcome: "reset", error: expect.not.stringContaining("sesame") });
});

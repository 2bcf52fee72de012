import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import { Agent, get, type IncomingMessage, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, test } from "@jest/globals";
import express from "express";
import { StartError } from "@homing/runtime/start-error";
import { listen } from "../src/http-server.js";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const agent = new Agent({ keepAlive: true });

function ask(port: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = get({ port, host: LOOPBACK.host, agent }, (answer) => {
      answer.resume().once("end", () => resolve(answer));
    });
    asked.once("error", reject);
  });
}

/** A listener whose answers wait for `release`. */
function createGate(): { listener: RequestListener; entered: Promise<unknown>; release: () => void } {
  const gate = new EventEmitter();
  const entered = once(gate, "enter");
  const released = once(gate, "release");
  const listener: RequestListener = (_req, res) => {
    gate.emit("enter");
    void released.then(() => res.end("done"));
  };
  return { listener, entered, release: () => void gate.emit("release") };
}

test("a port in use is a reason not to start, told with the port and host", async () => {
  const server = await listen(() => undefined, LOOPBACK);
  const second = listen(() => undefined, { ...LOOPBACK, port: server.port });
  await expect(second).rejects.toThrow(StartError);
  await expect(second).rejects.toThrow(`port ${server.port} on 127.0.0.1 is already in use`);
  await server.close();
});

test("an address of another machine is a reason not to start", async () => {
  await expect(listen(() => undefined, { host: "192.0.2.1", port: 0 })).rejects.toThrow(StartError);
});

test("a stop lets the request under way finish, closes its connection and takes no new one", async () => {
  const { listener, entered, release } = createGate();
  const server = await listen(listener, LOOPBACK);
  const asked = ask(server.port);
  await entered;
  const closed = server.close();
  await expect(ask(server.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  release();
  const answer = await asked;
  expect(answer.statusCode).toBe(200);
  expect(answer.headers.connection).toBe("close");
  await closed;
});

test("a stop does not wait for idle connections or for half a request", async () => {
  const server = await listen((_req, res) => void res.end("x"), LOOPBACK);
  const first = await ask(server.port);
  expect(first.headers.connection).toBe("keep-alive");
  const half = connect(server.port, LOOPBACK.host);
  await once(half, "connect");
  half.on("error", () => undefined).write("GET / HTTP/1.1\r\nHos");
  await ask(server.port);
  const gone = once(half, "close");
  await server.close();
  await gone;
  agent.destroy();
});

test("a connection beyond the greatest number is closed at once, and taken when another has gone", async () => {
  const server = await listen((_req, res) => void res.end("x"), { ...LOOPBACK, connectionsMax: 1 });
  const first = connect(server.port, LOOPBACK.host);
  await once(first, "connect");
  const second = connect(server.port, LOOPBACK.host);
  second.on("error", () => undefined);
  await once(second, "close");
  first.destroy();
  await once(first, "close");
  let answer: IncomingMessage | null = null;
  while (answer === null) answer = await ask(server.port).catch(() => null);
  expect(answer.statusCode).toBe(200);
  agent.destroy();
  await server.close();
});

/** However it comes: with a reset too. */
function closeOf(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

/** Sends so much of a request and reads until the server ends the connection. */
async function sendAndWait(port: number, ...parts: string[]): Promise<string> {
  const socket = connect(port, LOOPBACK.host);
  socket.on("error", () => undefined);
  const received: string[] = [];
  socket.on("data", (chunk) => received.push(chunk.toString()));
  for (const part of parts) socket.write(part);
  await closeOf(socket);
  return received.join("");
}

const SHORT = { ...LOOPBACK, headersTimeoutMs: 50, requestTimeoutMs: 100, connectionsCheckMs: 10 };
const readAll: RequestListener = (req, res) => void req.resume().once("end", () => res.end("read"));

test("a client that never ends its headers is answered 408 and cut off", async () => {
  const server = await listen(readAll, SHORT);
  expect(await sendAndWait(server.port, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")).toMatch(/^HTTP\/1.1 408 /);
  await server.close();
});

test("a client that sends its headers a bit at a time is cut off all the same", async () => {
  const server = await listen(readAll, SHORT);
  const socket = connect(server.port, LOOPBACK.host);
  const drip = setInterval(() => socket.write("X-A: b\r\n"), 10);
  socket.on("error", () => undefined).write("GET / HTTP/1.1\r\n");
  await closeOf(socket);
  expect(socket.destroyed).toBe(true);
  clearInterval(drip);
  await server.close();
});

test("a client that never ends its body is answered 408 and cut off, and others are served meanwhile", async () => {
  const server = await listen(readAll, SHORT);
  const slow = sendAndWait(server.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n", "half");
  expect((await ask(server.port)).statusCode).toBe(200);
  expect(await slow).toMatch(/^HTTP\/1.1 408 /);
  agent.destroy();
  await server.close();
});

test("a client that does not read its answer is cut off when neither side has sent a byte for long", async () => {
  const answer = Buffer.alloc(64 * 1024 * 1024);
  const gone = new EventEmitter();
  const server = await listen(
    (_req, res) => {
      res.once("close", () => gone.emit("gone"));
      res.end(answer);
    },
    { ...LOOPBACK, silenceMsMax: 100 },
  );
  const socket = connect(server.port, LOOPBACK.host);
  const isGone = once(gone, "gone");
  socket.on("error", () => undefined).pause();
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await isGone;
  expect(socket.bytesRead).toBeLessThan(answer.length);
  socket.destroy();
  await server.close();
});

test("headers beyond their size are 431 before any application sees them", async () => {
  let isAsked = false;
  const server = await listen(() => {
    isAsked = true;
  }, LOOPBACK);
  const answer = await sendAndWait(server.port, `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(17_000)}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
  expect(isAsked).toBe(false);
  await server.close();
});

test("a connection ends after so many requests, and says so with the last", async () => {
  const server = await listen((_req, res) => void res.end("x"), { ...LOOPBACK, requestsPerConnectionMax: 2 });
  expect((await ask(server.port)).headers.connection).toBe("keep-alive");
  expect((await ask(server.port)).headers.connection).toBe("close");
  expect((await ask(server.port)).statusCode).toBe(200);
  agent.destroy();
  await server.close();
});

test("requests and answers are of their Express application before it sees them: changing prototypes made publishing half as fast", async () => {
  const app = express();
  app.use((_req, res) => void res.end("x"));
  const server = await listen(app, LOOPBACK);
  const prototypes: unknown[] = [];
  const look = (message: unknown): void => {
    for (const part of ["request", "response"])
      prototypes.push(Object.getPrototypeOf(Reflect.get(Object(message), part)));
  };
  subscribe("http.server.request.start", look);
  const answer = await ask(server.port);
  unsubscribe("http.server.request.start", look);
  expect(answer.statusCode).toBe(200);
  expect(prototypes).toHaveLength(2);
  expect(prototypes[0]).toBe(app.request);
  expect(prototypes[1]).toBe(app.response);
  await server.close();
});

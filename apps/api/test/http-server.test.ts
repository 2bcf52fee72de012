import { EventEmitter, once } from "node:events";
import { Agent, get, type IncomingMessage, type RequestListener } from "node:http";
import { connect } from "node:net";
import { expect, test } from "@jest/globals";
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

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createAddressPolicy } from "../src/address-policy.js";
import { createSend, type Sender, type SendOptions, type SendRequest } from "../src/send.js";
import { CERTIFICATE, CERTIFICATE_KEY } from "@homing/local/certificate";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const cleanups: (() => unknown)[] = [];

/** Ends every receiver and sender of one test. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
}

/** Does this, too, when the test ends. */
export function atEnd(clean: () => unknown): void {
  cleanups.push(clean);
}

export interface Receiver {
  port: number;
  /** Every connection that was made, oldest first. */
  connections: Socket[];
}

export function startHttp(handler: Handler): Promise<Receiver> {
  // Longer than the sender keeps a connection, so that it is the sender who closes idle ones.
  return listen(createServer({ keepAliveTimeout: 60_000 }, listener(handler)));
}

/** @param tls in place of the self-signed certificate of localhost */
export function startHttps(
  handler: Handler,
  tls: ServerOptions = { cert: CERTIFICATE, key: CERTIFICATE_KEY },
): Promise<Receiver> {
  return listen(createTlsServer(tls, listener(handler)));
}

type Handler = (...args: Parameters<RequestListener>) => unknown;

function listener(handler: Handler): RequestListener {
  return (request, response) => {
    void handler(request, response);
  };
}

/** A receiver that speaks bytes: `answer` runs when the first bytes of each request arrive. */
export function startRaw(answer: (socket: Socket) => void): Promise<Receiver> {
  return listen(createTcpServer((socket) => socket.on("error", () => undefined).once("data", () => answer(socket))));
}

async function listen(server: Server): Promise<Receiver> {
  const connections: Socket[] = [];
  server.on("connection", (socket: Socket) => connections.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    for (const socket of connections) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not a TCP server");
  return { port: address.port, connections };
}

export function startSender(options: Partial<SendOptions> & { allow?: string[] } = {}): Sender {
  const { allow = LOOPBACK, ...rest } = options;
  const sender = createSend({ policy: createAddressPolicy({ allow }), userAgent: "Homing-Test", ...rest });
  cleanups.push(() => sender.close());
  return sender;
}

export function aRequest(receiver: Receiver | string, rest: Partial<SendRequest> = {}): SendRequest {
  const url = typeof receiver === "string" ? receiver : `http://127.0.0.1:${receiver.port}/hook`;
  return { url, headers: {}, body: "{}", timeoutMs: 10_000, ...rest };
}

import { createServer, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StartError } from "@homing/runtime/start-error";
import { type Listener, createMessageClasses } from "./message-classes.js";

/** Most header fields of a request. */
export const HEADERS_MAX = 100;

const KIB = 1024;
const LIMITS = {
  /** More connections are closed as they come. */
  connectionsMax: 10_000,
  /** A client that has not sent all of a request's headers, or all of it, by then is answered 408 and cut off. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** How often the two above are looked at. */
  connectionsCheckMs: 5_000,
  // Longer than the usual 60 s of load balancers, so that it is they who close idle connections.
  keepAliveTimeoutMs: 65_000,
  /** On a connection where neither side sends a byte, because a client does not read its answer. Longer than any handler takes. */
  silenceMsMax: 120_000,
  /** Of the request line and all headers; beyond it 431. */
  headerBytesMax: 16 * KIB,
  /** Then a connection is closed, so that those of one client spread again over the processes. */
  requestsPerConnectionMax: 100_000,
};

const START_FAULTS = new Map<string | undefined, string>([
  ["EADDRINUSE", "is already in use"],
  ["EACCES", "may not be opened by this user"],
  ["EADDRNOTAVAIL", "is not on an address of this machine"],
  ["ENOTFOUND", "is not on an address of this machine"],
]);

export interface HttpServer {
  /** The port that is listened on, also when 0 was asked for. */
  port: number;
  /** Takes no more connections and resolves once the requests under way are answered. */
  close(): Promise<void>;
}

/**
 * Serves `listener` on an address.
 * @param limits in place of the usual ones
 * @throws StartError when the address is in use or may not be had
 */
export async function listen(
  listener: Listener,
  { host, port, ...limits }: { host: string; port: number } & Partial<typeof LIMITS>,
): Promise<HttpServer> {
  const server = createLimitedServer({ ...LIMITS, ...limits }, createMessageClasses(listener));
  const close = closeGracefully(server);
  server.on("request", listener);
  return { port: await bind(server, host, port), close };
}

function createLimitedServer(limits: typeof LIMITS, classes: ServerOptions): Server {
  const server = createServer({
    ...classes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.connectionsCheckMs,
    maxHeaderSize: limits.headerBytesMax,
  });
  server.timeout = limits.silenceMsMax;
  server.maxConnections = limits.connectionsMax;
  server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
  // Node drops what is beyond; the application refuses a request that has one too many.
  server.maxHeadersCount = HEADERS_MAX + 1;
  return server;
}

function closeGracefully(server: Server): () => Promise<void> {
  const underWay = new Set<ServerResponse>();
  let stopping = false;

  function endWhenQuiet(): void {
    // What is left holds no request, or half of one that never was promised an answer.
    if (stopping && underWay.size === 0) server.closeAllConnections();
  }
  server.on("request", (_req, res) => {
    underWay.add(res);
    if (stopping) res.shouldKeepAlive = false;
    res.once("close", () => {
      underWay.delete(res);
      setImmediate(endWhenQuiet);
    });
  });
  return () =>
    new Promise((resolve, reject) => {
      stopping = true;
      for (const res of underWay) res.shouldKeepAlive = false;
      server.close((error) => (error === undefined ? resolve() : reject(error)));
      server.closeIdleConnections();
      endWhenQuiet();
    });
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(toStartError(error, host, port)));
    server.listen({ host, port }, () => resolve(portOf(server.address()) ?? port));
  });
}

function portOf(address: string | AddressInfo | null): number | undefined {
  return typeof address === "object" ? address?.port : undefined;
}

function toStartError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reason = START_FAULTS.get(error.code);
  return reason === undefined ? error : new StartError(`port ${port} on ${host} ${reason}`);
}

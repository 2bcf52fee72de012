import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StartError } from "@homing/runtime/start-error";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
// Longer than the usual 60 s of load balancers, so that it is they who close idle connections.
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const CONNECTIONS_CHECK_MS = 5_000;
/** More are closed as they come. */
const CONNECTIONS_MAX = 10_000;

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
 * @throws StartError when the address is in use or may not be had
 */
export async function listen(
  listener: RequestListener,
  { host, port, connectionsMax = CONNECTIONS_MAX }: { host: string; port: number; connectionsMax?: number },
): Promise<HttpServer> {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  });
  server.maxConnections = connectionsMax;
  const close = closeGracefully(server);
  server.on("request", listener);
  return { port: await bind(server, host, port), close };
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

import { type Server, createServer } from "node:http";
import { StartError } from "@homing/runtime/start-error";

const CHECK_TIMEOUT_MS = 2_000;

export interface HealthServer {
  port: number;
  /** From now on /readyz answers 503. */
  drain(): void;
  close(): Promise<void>;
}

/**
 * `/livez` answers 200 while the process runs, `/readyz` while every check resolves within 2 s; it shows the facts as well.
 * @throws StartError when the port is taken
 */
export async function startHealth(
  { host, port }: { host: string; port: number },
  checks: Record<string, () => Promise<unknown>>,
  facts: Record<string, string> = {},
): Promise<HealthServer> {
  let draining = false;
  const server = createServer((request, response) => {
    void answer(request.url ?? "").then(({ status, body }) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });

  async function answer(path: string): Promise<{ status: number; body: object }> {
    if (path === "/livez") return { status: 200, body: { status: "live" } };
    if (path !== "/readyz") return { status: 404, body: { status: "not_found" } };
    if (draining) return { status: 503, body: { status: "stopping" } };
    const names = Object.keys(checks);
    const results = await Promise.all(names.map((name) => passes(checks[name])));
    const states = Object.fromEntries(names.map((name, index) => [name, results[index] ? "ok" : "unreachable"]));
    const isReady = results.every(Boolean);
    return { status: isReady ? 200 : 503, body: { status: isReady ? "ready" : "not_ready", ...facts, checks: states } };
  }

  return {
    port: await bind(server, host, port),
    drain() {
      draining = true;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function passes(check: (() => Promise<unknown>) | undefined): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("too late")), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check?.(), late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      reject(isTaken ? new StartError(`health port ${port} on ${host} is already in use`) : error);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

import { access } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { StartError } from "@homing/runtime/start-error";

const CONNECT_TIMEOUT_MS = 5_000;

/** @throws StartError when nobody can listen there now */
export function requireFreePort(variable: string, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      const isBusy = "code" in error && error.code === "EADDRINUSE";
      const why = isBusy ? "is in use" : `cannot be listened on (${error.message})`;
      reject(new StartError(`port ${port} on ${host} ${why}; set ${variable} to another one`));
    });
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

/**
 * Whether a server listens where a URL points; its credential is not tried. A URL that names no single host is left to its user.
 * @throws StartError naming host and port, never the credential
 */
export function requireReachable(variable: string, url: string, defaultPort: number): Promise<void> {
  const target = parseTarget(url, defaultPort);
  if (target === null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    const refuse = (why: string) => {
      socket.destroy();
      reject(new StartError(`${variable}: cannot reach ${target.host}:${target.port} (${why})`));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => refuse(`no answer in ${CONNECT_TIMEOUT_MS / 1000} s`));
    socket.once("error", (error) => refuse("code" in error ? String(error.code) : error.message));
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

/** @throws StartError when a program was not built */
export async function requireBuilt(scripts: string[]): Promise<void> {
  for (const script of scripts) {
    try {
      await access(script);
    } catch {
      throw new StartError(`${script} is missing: run npm run build`);
    }
  }
}

function parseTarget(url: string, defaultPort: number): { host: string; port: number } | null {
  if (!URL.canParse(url)) return null;
  const { hostname, port, protocol } = new URL(url);
  const isOneHost = hostname !== "" && !hostname.includes(",") && !hostname.includes("%2C") && !protocol.includes("+");
  if (!isOneHost) return null;
  return { host: hostname.replaceAll(/[[\]]/g, ""), port: port === "" ? defaultPort : Number(port) };
}

import { accessSync, constants } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { searchPath } from "./config.js";
import { freePort } from "./free-port.js";
import { type ServerProcess, startServerProcess } from "./server-process.js";
import { waitFor } from "./wait-for.js";

const HOST = "127.0.0.1";
const START_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 500;

export interface LocalRedis {
  url: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** The path of redis-server, looked up in PATH; null when it is not installed. */
export function findRedisServer(): string | null {
  const candidates = searchPath()
    .split(delimiter)
    .map((directory) => join(directory, "redis-server"));
  return candidates.find(isExecutable) ?? null;
}

/**
 * Starts redis-server on loopback without persistence, with the `noeviction` policy that BullMQ needs.
 * @param options.port a free one by default
 * @param options.appendOnly keeps an append-only file in `directory`, so that a restart on the same directory finds its data
 * @param options.password what it asks its clients for
 * @throws when redis-server is not installed, or does not answer within 10 s
 */
export async function startRedis(
  options: { port?: number; appendOnly?: boolean; directory?: string; password?: string } = {},
): Promise<LocalRedis> {
  const file = findRedisServer();
  if (file === null) throw new Error("redis-server is not installed");
  if (options.appendOnly && options.directory === undefined) throw new Error("an append-only file needs a directory");
  const port = options.port ?? (await freePort());
  const server = await startServerProcess({
    file,
    args: redisArgs(port, options),
    output: "ignore",
    stopSignal: "SIGTERM",
    orphanSignals: ["TERM", "KILL"],
  });
  await answering(server, { port, ...options });
  const credential = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  return { url: `redis://${credential}${HOST}:${port}`, port, pid: server.pid, stop: () => server.stop() };
}

function redisArgs(port: number, options: { appendOnly?: boolean; directory?: string; password?: string }): string[] {
  const args = ["--port", String(port), "--bind", HOST, "--save", "", "--maxmemory-policy", "noeviction"];
  // A job of the queue then takes 0.7 KiB instead of 1.1.
  args.push("--hash-max-listpack-value", "2048");
  args.push("--appendonly", options.appendOnly ? "yes" : "no");
  if (options.directory !== undefined) args.push("--dir", options.directory);
  if (options.password !== undefined) args.push("--requirepass", options.password);
  return args;
}

async function answering(server: ServerProcess, place: { port: number; password?: string }): Promise<void> {
  let ended: number | NodeJS.Signals | null = null;
  void server.exited.then((how) => (ended = how));
  try {
    await waitFor(
      () => {
        if (ended !== null) throw new Error(`redis-server ended at its start (${ended}); is port ${place.port} free?`);
        return answersAs(server.pid, place);
      },
      { what: "redis-server to answer", timeoutMs: START_TIMEOUT_MS },
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
}

// Another Redis may hold the port, and would answer a PING as well.
function answersAs(pid: number, { port, password }: { port: number; password?: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const login = password === undefined ? "" : `AUTH ${password}\r\n`;
    const socket = connect(port, HOST, () => socket.write(`${login}INFO server\r\n`));
    let reply = "";
    const answer = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => answer(false));
    socket.once("error", () => answer(false));
    socket.on("data", (part) => {
      reply += part.toString("latin1");
      if (reply.includes(`process_id:${pid}\r`)) answer(true);
      // Who is not ours has said all of it by now.
      else if (reply.includes("process_id:")) answer(false);
    });
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "@homing/local/free-port";
import { type LocalRedis, startRedis } from "@homing/local/redis";
import { waitFor } from "@homing/local/wait-for";

const START_MS_MAX = 20_000;

/** The run's Redis, with an append-only file as in production, always at the same address. */
export interface RedisServer {
  url: string;
  flush(): Promise<void>;
  /** SIGKILL; what it wrote to its file stays. */
  kill(): Promise<void>;
  /** Stops it; the next one starts empty. */
  stop(): Promise<void>;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Stops it, frozen or not. */
  remove(): Promise<void>;
}

export async function startRedisServer(directory: string): Promise<RedisServer> {
  const port = await freePort();
  let stores = 0;

  async function open(): Promise<LocalRedis> {
    const store = join(directory, `redis-${stores}`);
    await mkdir(store, { recursive: true });
    return startRedis({ port, appendOnly: true, directory: store });
  }

  let running = await open();
  let isFrozen = false;
  const freeze = (isToBe: boolean): void => {
    process.kill(running.pid, isToBe ? "SIGSTOP" : "SIGCONT");
    isFrozen = isToBe;
  };
  return {
    url: running.url,
    flush: () => say(port, "FLUSHALL"),
    async kill() {
      process.kill(running.pid, "SIGKILL");
      await running.stop();
    },
    async stop() {
      await running.stop();
      stores += 1;
    },
    async start() {
      const started = waitFor(() => open().catch(() => null), {
        what: "Redis to start again",
        timeoutMs: START_MS_MAX,
      });
      running = await started;
    },
    freeze: () => freeze(true),
    thaw: () => freeze(false),
    remove() {
      if (isFrozen) freeze(false);
      return running.stop();
    },
  };
}

function say(port: number, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.once("error", reject);
    socket.once("data", () => {
      socket.destroy();
      resolve();
    });
  });
}

import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { processCommand } from "../src/process-command.js";
import { type LocalRedis, findRedisServer, startRedis } from "../src/redis.js";

let running: LocalRedis[] = [];

afterEach(async () => {
  await Promise.all(running.map((redis) => redis.stop()));
  running = [];
});

async function start(options?: Parameters<typeof startRedis>[0]): Promise<LocalRedis> {
  const redis = await startRedis(options);
  running.push(redis);
  return redis;
}

/** The first chunk of the reply, which is all of it for commands this small. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.once("error", reject);
    socket.once("data", (reply) => {
      socket.destroy();
      resolve(reply.toString("utf8"));
    });
  });
}

(findRedisServer() === null ? describe.skip : describe)("a local Redis", () => {
  test("answers once started and has ended when stop resolves", async () => {
    const redis = await start();
    expect(await ask(redis.port, "PING")).toBe("+PONG\r\n");
    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
    await redis.stop();
    expect(await processCommand(redis.pid)).toBeNull();
  });

  test("evicts nothing and keeps nothing on disk unless asked", async () => {
    const { port } = await start();
    expect(await ask(port, "CONFIG GET maxmemory-policy")).toContain("noeviction");
    expect(await ask(port, "CONFIG GET appendonly")).toContain("\r\nno\r\n");
    expect(await ask(port, "CONFIG GET save")).toMatch(/save\r\n\$0\r\n/);
  });

  test("finds its data again when it keeps an append-only file", async () => {
    const directory = await mkdtemp(join(tmpdir(), "homing-redis-"));
    try {
      const first = await start({ appendOnly: true, directory });
      await ask(first.port, "SET kept yes");
      await first.stop();
      const second = await start({ appendOnly: true, directory });
      expect(await ask(second.port, "GET kept")).toContain("yes");
      await second.stop();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test("says that its port may be taken", async () => {
    const { port } = await start();
    await expect(startRedis({ port })).rejects.toThrow(`is port ${port} free?`);
  });
});

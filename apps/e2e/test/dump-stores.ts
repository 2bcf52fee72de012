import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "@homing/db/client";
import { Redis } from "ioredis";
import type { Source } from "./find-secrets.js";

/** Every row of every table of a database, the queue's too, as Postgres spells them. */
export async function dumpDatabase(db: Database): Promise<Source[]> {
  const tables = await db.$queryRaw<{ name: string }[]>`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`;
  const sources: Source[] = [];
  for (const { name } of tables) {
    const rows = await db.$queryRawUnsafe<{ text: string }[]>(`SELECT t::text AS text FROM ${name} t`);
    sources.push({ name: `table ${name}`, text: rows.map(({ text }) => text).join("\n") });
  }
  return sources;
}

/** Every key of a Redis with its value, and every command in its append-only file. */
export async function dumpRedis(url: string, directory: string): Promise<Source[]> {
  const redis = new Redis(url);
  try {
    const lines: string[] = [];
    for await (const keys of redis.scanStream({ count: 100 })) {
      for (const key of keys) lines.push(`${key} ${JSON.stringify(await readKey(redis, String(key)))}`);
    }
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    const logged = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
    );
    return [
      { name: "Redis", text: lines.join("\n") },
      { name: "the files of Redis", text: logged.join("\n") },
    ];
  } finally {
    redis.disconnect();
  }
}

async function readKey(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case "string":
      return redis.get(key);
    case "hash":
      return redis.hgetall(key);
    case "list":
      return redis.lrange(key, 0, -1);
    case "set":
      return redis.smembers(key);
    case "zset":
      return redis.zrange(key, "0", "-1");
    case "stream":
      return redis.xrange(key, "-", "+");
    default:
      // It ended between the two commands.
      if (type === "none") return null;
      throw new Error(`a Redis value of type ${type} cannot be read`);
  }
}

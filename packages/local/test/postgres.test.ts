import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { type LocalPostgres, type PostgresOptions, startPostgres } from "../src/postgres.js";
import { processCommand } from "../src/process-command.js";
import { waitFor } from "../src/wait-for.js";

const isRoot = process.getuid?.() === 0;
const distModule = new URL("../dist/postgres.js", import.meta.url).href;

let parent: string;
let running: LocalPostgres | null = null;
const owners: ChildProcess[] = [];

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "homing-postgres-"));
  await chmod(parent, 0o755);
});

afterEach(async () => {
  await running?.stop();
  running = null;
  for (const owner of owners.splice(0)) owner.kill("SIGKILL");
});

afterAll(() => rm(parent, { recursive: true, force: true }));

async function start(options: Partial<PostgresOptions> = {}): Promise<LocalPostgres> {
  running = await startPostgres({ directory: join(parent, "kept"), durable: false, ...options });
  return running;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

/** A process of its own that starts Postgres and then waits, to be killed. */
async function startOwner(options: PostgresOptions): Promise<{ owner: ChildProcess; pid: number; url: string }> {
  const code = `
    const { startPostgres } = await import(${JSON.stringify(distModule)});
    const { pid, url } = await startPostgres(${JSON.stringify(options)});
    console.log(JSON.stringify({ pid, url }));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  owners.push(owner);
  const [line] = await once(createInterface({ input: owner.stdout }), "line");
  return { owner, ...JSON.parse(String(line)) };
}

const isGone = (pid: number) => async () => (await processCommand(pid)) === null;

describe("an embedded Postgres", () => {
  test("keeps its data and its password across a stop and a start", async () => {
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 'é'::text AS letter");
    await first.stop();
    const second = await start();
    expect(await query(second.url, "SELECT letter FROM kept")).toEqual([["é"]]);
    expect(new URL(second.url).password).toBe(new URL(first.url).password);
  });

  test("has ended when stop resolves, also with a session open", async () => {
    const postgres = await start();
    const client = new Client({ connectionString: postgres.url });
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    client.on("error", () => undefined);
    await client.connect();
    await postgres.stop();
    await ended;
    expect(await processCommand(postgres.pid)).toBeNull();
  });

  test("listens on loopback at the port asked for, with UTF-8 and 200 connections", async () => {
    const { port: free } = await start();
    await running?.stop();
    const postgres = await start({ port: free });
    expect(postgres.url).toContain(`@127.0.0.1:${free}/postgres`);
    const sql = `SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories'),
      current_setting('server_encoding'), current_setting('max_connections'), upper('é')`;
    expect(await query(postgres.url, sql)).toEqual([["127.0.0.1", "", "UTF8", "200", "É"]]);
  });

  test("waits for the disk at each commit unless it is told that its data may be lost", async () => {
    const sql =
      "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')";
    expect(await query((await start({ durable: true })).url, sql)).toEqual([["on", "on", "on"]]);
    await running?.stop();
    expect(await query((await start({ durable: false })).url, sql)).toEqual([["off", "off", "off"]]);
  });

  test("refuses a wrong password and keeps the right one in a file for its owner only", async () => {
    const postgres = await start();
    const wrong = new URL(postgres.url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "SELECT 1")).rejects.toThrow("password authentication failed");
    expect((await stat(join(postgres.directory, "password"))).mode & 0o777).toBe(0o600);
  });

  test("says why it cannot start when its port is taken", async () => {
    const { port } = await start();
    const second = startPostgres({ directory: join(parent, "second"), durable: false, port });
    await expect(second).rejects.toThrow(/Postgres ended at its start .*could not create any TCP\/IP sockets/);
  });
});

describe("after a crash, an embedded Postgres", () => {
  test("starts over a pid file that names another server of its user, and leaves that one alone", async () => {
    const postgres = await start();
    await postgres.stop();
    const other = await startPostgres({ directory: join(parent, "second"), durable: false });
    try {
      const file = join(postgres.directory, "data", "postmaster.pid");
      await writeFile(file, `${other.pid}\n`);
      const again = await start();
      expect(await readFile(file, "utf8")).toMatch(new RegExp(`^${again.pid}\n`));
      expect(await query(other.url, "SELECT 1")).toEqual([[1]]);
    } finally {
      await other.stop();
    }
  });

  test("recovers what was committed before its server was killed", async () => {
    const postgres = await start({ durable: true });
    await query(postgres.url, "CREATE TABLE survivor AS SELECT 1 AS one");
    process.kill(postgres.pid, "SIGKILL");
    expect(await postgres.exited).toBe("SIGKILL");
    expect(await query((await start({ durable: true })).url, "SELECT one FROM survivor")).toEqual([[1]]);
  });

  test("replaces the server that a killed owner left, and finds its data", async () => {
    const { owner, pid, url } = await startOwner({ directory: join(parent, "kept") });
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    await client.query("CREATE TABLE left_behind AS SELECT 2 AS two");
    // The open session keeps the guard's polite shutdown waiting, so that the next start meets a live server.
    owner.kill("SIGKILL");
    const next = await start();
    expect(await processCommand(pid)).toBeNull();
    expect(await query(next.url, "SELECT two FROM left_behind")).toEqual([[2]]);
  });

  test("does not outlive its killed owner, nor does its directory where that was asked", async () => {
    const directory = join(parent, "temporary");
    const { owner, pid } = await startOwner({ directory, durable: false, removeWithOwner: true });
    owner.kill("SIGKILL");
    await waitFor(isGone(pid), { what: "Postgres to follow its owner" });
    const isRemoved = () =>
      stat(directory).then(
        () => false,
        () => true,
      );
    expect(await waitFor(isRemoved, { what: "the directory to be removed" })).toBe(true);
  });
});

(isRoot ? describe : describe.skip)("as root, an embedded Postgres", () => {
  test("keeps its data where its user can reach it, says so, and finds it again", async () => {
    const hidden = join(parent, "hidden");
    await mkdir(hidden, { mode: 0o700 });
    const lines: string[] = [];
    const options = { directory: join(hidden, "postgres"), log: (line: string) => lines.push(line) };
    const first = await start(options);
    try {
      expect(first.directory).toMatch(/^\/var\/lib\/homing-[0-9a-f]{12}$/);
      expect(lines).toContainEqual(expect.stringContaining(`data is kept in ${first.directory}`));
      await query(first.url, "CREATE TABLE elsewhere AS SELECT 3 AS three");
      await first.stop();
      expect(await query((await start(options)).url, "SELECT three FROM elsewhere")).toEqual([[3]]);
    } finally {
      await running?.stop();
      await rm(first.directory, { recursive: true, force: true });
    }
  });
});

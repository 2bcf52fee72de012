import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { waitFor } from "@homing/local/wait-for";
import { readArguments } from "../src/config.js";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const SECRET = `whsec_${Buffer.from("a secret of at least 24 bytes").toString("base64")}`;

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

async function run(args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const child = start(args);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, out, err };
}

describe("the receiver's command line", () => {
  test.each([
    [["--port", "eighty"], '--port takes a whole number from 0 to 65535, not "eighty"'],
    [["--status", "99"], '--status takes a whole number from 200 to 599, not "99"'],
    [["--secret", "not base64!"], "a secret is whsec_ followed by base64"],
    [["--colour"], "Unknown option '--colour'"],
    [["stray"], "Unexpected argument 'stray'"],
  ])("answers %j with one line and exit code 2", async (args, message) => {
    const { code, out, err } = await run(args);
    expect({ code, out, lines: err.split("\n").length }).toEqual({ code: 2, out: "", lines: 2 });
    expect(err).toContain(`receiver: ${message}`);
  });

  test("explains itself", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    for (const option of ["--port", "--host", "--secret", "--status", "--delay", "--fail-first"])
      expect(out).toContain(option);
  });

  test("says in one line that its port is taken", async () => {
    const first = start(["--port", "0"]);
    const port = await listeningPort(first);
    const { code, err } = await run(["--port", port]);
    expect(code).toBe(1);
    expect(err).toMatch(/^receiver: cannot listen on 127\.0\.0\.1:\d+: listen EADDRINUSE[^\n]*\n$/);
  });

  test("receives on loopback and ends with code 0 at Ctrl-C, also while it holds an answer back", async () => {
    const child = start(["--port", "0", "--delay", "60000"]);
    const port = await listeningPort(child);
    let printed = "";
    child.stdout?.on("data", (chunk) => (printed += chunk));
    const answer = fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" }).catch(() => "closed");
    await waitFor(() => printed.includes("POST /"), { what: "the request to be printed" });
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(await answer).toBe("closed");
  });
});

test("secrets of the command line win over those of the environment, which may be several", () => {
  const env = { HOMING_WEBHOOK_SECRET: `${SECRET} ${SECRET}` };
  expect(readArguments([], env)).toMatchObject({
    kind: "run",
    config: { secrets: [SECRET, SECRET], port: 4000, host: "127.0.0.1" },
  });
  expect(readArguments(["--secret", SECRET], env)).toMatchObject({ kind: "run", config: { secrets: [SECRET] } });
});

async function listeningPort(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("no output");
  const [chunk] = await once(child.stdout, "data");
  const port = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(String(chunk))?.[1];
  if (port === undefined) throw new Error(`no address in ${String(chunk)}`);
  return port;
}

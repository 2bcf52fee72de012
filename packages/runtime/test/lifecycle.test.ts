import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { afterEach, expect, test } from "@jest/globals";

const SERVICE = fileURLToPath(new URL("service.mjs", import.meta.url));

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function run(behaviour: string, graceMs = 5_000) {
  const child = spawn(process.execPath, [SERVICE, behaviour, String(graceMs)], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const closed = once(child, "close").then(([status]: unknown[]) => status);
  const started = () => waitFor(() => output.stdout.includes("started"), { what: "the service to start" });
  return { child, output, closed, started };
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s stops the parts in reverse order and ends with status 0",
  async (signal) => {
    const { child, output, closed, started } = run("well");
    await started();
    child.kill(signal);
    expect(await closed).toBe(0);
    expect(output).toEqual({ stdout: "started\nsecond stopped\nfirst stopped\n", stderr: "" });
  },
);

test("a second signal ends a stop that hangs, at once and with status 1", async () => {
  const { child, closed, started } = run("hang", 60_000);
  await started();
  child.kill("SIGTERM");
  const again = setInterval(() => child.kill("SIGTERM"), 50);
  expect(await closed).toBe(1);
  clearInterval(again);
});

test("a stop that hangs is ended after the grace period with status 1", async () => {
  const { child, closed, started } = run("hang", 100);
  await started();
  child.kill("SIGTERM");
  expect(await closed).toBe(1);
});

test("a part that fails to stop does not keep the others from stopping, and shows in the status", async () => {
  const { child, output, closed, started } = run("broken-stop");
  await started();
  child.kill("SIGTERM");
  expect(await closed).toBe(1);
  expect(output.stdout).toBe("started\nsecond stopped\nfirst stopped\n");
});

test("a start that fails for its operator's reasons prints one line, undoes what it began and exits with 1", async () => {
  const { output, closed } = run("start-error");
  expect(await closed).toBe(1);
  expect(output).toEqual({
    stdout: "second stopped\nfirst stopped\n",
    stderr: "toy: cannot start: port 3000 is already in use\n",
  });
});

test("a start that fails by our own fault prints the whole error", async () => {
  const { output, closed } = run("fault");
  expect(await closed).toBe(1);
  expect(output.stderr).toMatch(/^toy: cannot start: Error: a fault of ours\n\s+at /);
});

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { processCommand } from "@homing/local/process-command";
import { waitFor } from "@homing/local/wait-for";
import { createLaunchers } from "./launcher.js";

const launchers = createLaunchers();

afterEach(launchers.cleanUp);

const EMBEDDED = { DATABASE_URL: "" };

async function envOf(port: number): Promise<Record<string, unknown>> {
  const env: unknown = await (await fetch(`http://127.0.0.1:${port}/env`)).json();
  return Object.fromEntries(Object.entries(env ?? {}));
}

async function postgresPid(directory: string): Promise<number> {
  const file = await readFile(join(directory, "homing", "postgres", "data", "postmaster.pid"), "utf8");
  return Number(file.split("\n")[0]);
}

describe("a start on the embedded Postgres", () => {
  test("migrates, starts API and worker, and stops both before Postgres at Ctrl-C", async () => {
    const directory = await launchers.newDirectory();
    const homing = await launchers.start(EMBEDDED, directory);
    await homing.up();
    const postgres = await postgresPid(directory);
    expect(await processCommand(postgres)).toContain("postgres");
    homing.child.kill("SIGINT");
    expect(await homing.ended).toBe(0);
    const record = await homing.record();
    expect(record.slice(0, 2)).toEqual(["migrate", "migrate queue"]);
    expect(record).toContain("api stop, Postgres up");
    expect(record).toContain("worker stop, Postgres up");
    expect(await processCommand(postgres)).toBeNull();
    expect(homing.err()).toBe("");
  });

  test("keeps its settings for the next time, for their owner only", async () => {
    const directory = await launchers.newDirectory();
    const keys = [];
    for (let time = 1; time <= 2; time += 1) {
      const homing = await launchers.start(EMBEDDED, directory);
      await homing.up();
      keys.push((await envOf(homing.port))["HOMING_API_KEY"]);
      expect(homing.out()).toContain(String(keys[0]));
      homing.child.kill("SIGTERM");
      expect(await homing.ended).toBe(0);
    }
    expect(keys[0]).toMatch(/^hom_[A-Za-z0-9_-]{43}$/);
    expect(keys[1]).toBe(keys[0]);
    expect((await stat(join(directory, "homing", "settings.json"))).mode & 0o777).toBe(0o600);
  });

  test("leaves no process behind when the launcher is killed, and starts again", async () => {
    const directory = await launchers.newDirectory();
    const homing = await launchers.start(EMBEDDED, directory);
    await homing.up();
    const pids = [await homing.pidOf("api"), await homing.pidOf("worker"), await postgresPid(directory)];
    homing.child.kill("SIGKILL");
    for (const pid of pids) {
      await waitFor(async () => (await processCommand(pid)) === null, {
        what: `process ${pid} to end`,
        timeoutMs: 20_000,
      });
    }
    expect(await homing.record()).toContain("api stop, Postgres up");
    const again = await launchers.start(EMBEDDED, directory);
    await again.up();
    expect(await processCommand(await again.pidOf("api"))).not.toBeNull();
  });

  test("stops API and worker when Postgres ends by itself, and says so", async () => {
    const directory = await launchers.newDirectory();
    const homing = await launchers.start(EMBEDDED, directory);
    await homing.up();
    process.kill(await postgresPid(directory), "SIGKILL");
    expect(await homing.ended).toBe(1);
    expect(homing.err()).toBe("Postgres: ended unexpectedly (SIGKILL)\n");
    expect(await homing.record()).toContain("worker SIGTERM");
  });
});

describe("a running Homing", () => {
  test("takes a terminal's Ctrl-C, which npm sends a second time, as one that API and worker never see", async () => {
    const homing = await launchers.start({ STAND_IN_API: "slow" });
    await homing.up();
    process.kill(-homing.pid, "SIGINT");
    await waitFor(() => homing.out().includes("Stopping"), { what: "the first signal to be taken" });
    homing.child.kill("SIGINT");
    expect(await homing.ended).toBe(0);
    const signals = (await homing.record()).filter((line) => line.includes("SIG"));
    expect(signals.toSorted()).toEqual(["api SIGTERM", "worker SIGTERM"]);
  });

  test("ends at once at a second Ctrl-C, whatever still hangs", async () => {
    const homing = await launchers.start({ STAND_IN_API: "hang", SHUTDOWN_GRACE_MS: "600000" });
    await homing.up();
    const isOver = () => {
      if (homing.child.exitCode === null) homing.child.kill("SIGINT");
      return homing.child.exitCode !== null;
    };
    await waitFor(isOver, { what: "the launcher to end" });
    expect(await homing.ended).toBe(1);
    const api = await homing.pidOf("api");
    expect(await waitFor(async () => (await processCommand(api)) === null, { what: "the API to end" })).toBe(true);
  });

  test("kills what has not stopped some seconds after its grace period", async () => {
    const homing = await launchers.start({ STAND_IN_WORKER: "hang", SHUTDOWN_GRACE_MS: "0" });
    await homing.up();
    homing.child.kill("SIGTERM");
    expect(await homing.ended).toBe(0);
    expect(await processCommand(await homing.pidOf("worker"))).toBeNull();
  });

  test("says which process died and why, stops the other and exits with 1", async () => {
    const homing = await launchers.start();
    await homing.up();
    await fetch(`http://127.0.0.1:${homing.workerPort}/crash`).catch(() => null);
    expect(await homing.ended).toBe(1);
    expect(homing.err()).toMatch(
      /^worker: ended unexpectedly \(exit code 1\): Error: worker broke; its log is \S+worker\.log\n$/,
    );
    expect((await homing.record()).at(-1)).toBe("api stop, Postgres up");
  });

  test("shows warnings in the terminal and keeps everything in the logs, also those of the time before", async () => {
    const directory = await launchers.newDirectory();
    const log = (file: string) => readFile(join(directory, "homing", file), "utf8");
    for (let time = 1; time <= 2; time += 1) {
      const homing = await launchers.start({}, directory);
      await homing.up();
      expect(homing.out()).toContain("api: api warns: of rain\n");
      expect(homing.out()).not.toContain("is quiet");
      homing.child.kill("SIGTERM");
      await homing.ended;
    }
    expect(await log("api.log")).toContain("api is quiet");
    expect(await log("worker.log.1")).toContain("worker warns");
  });

  test("is told to start only once in a folder", async () => {
    const directory = await launchers.newDirectory();
    const first = await launchers.start({}, directory);
    await first.up();
    const second = await launchers.start({ PORT: String(first.port) }, directory);
    expect(await second.ended).toBe(1);
    expect(second.err()).toBe(`Homing cannot start: Homing is already running in this folder (process ${first.pid})\n`);
    expect(first.child.exitCode).toBeNull();
  });
});

describe("the environment of API and worker", () => {
  test("allows webhooks to reach this machine when EGRESS_ALLOW is unset, and says so", async () => {
    const homing = await launchers.start();
    await homing.up();
    expect((await envOf(homing.workerPort))["EGRESS_ALLOW"]).toBe("127.0.0.0/8,::1/128");
    expect(homing.out()).toMatch(/^EGRESS_ALLOW is not set: .*127\.0\.0\.0\/8,::1\/128.*$/m);
  });

  test("holds what was set from outside, unchanged", async () => {
    const given = {
      HOMING_API_KEY: "hom_given-from-outside-and-long-enough",
      HOMING_ENCRYPTION_KEYS: "mine:AAAA",
      OPS_USERNAME: "me",
      OPS_PASSWORD: "it's mine",
      EGRESS_ALLOW: "10.0.0.0/8",
      LOG_LEVEL: "debug",
      DATABASE_URL: String(process.env["HOMING_TEST_POSTGRES_URL"]),
    };
    const homing = await launchers.start(given);
    await homing.up();
    expect(await envOf(homing.port)).toMatchObject(given);
    expect(homing.out()).toContain(given.HOMING_API_KEY);
    expect(homing.out()).not.toContain("EGRESS_ALLOW is not set");
  });

  test("allows nothing more when EGRESS_ALLOW is set to nothing", async () => {
    const homing = await launchers.start({ EGRESS_ALLOW: "" });
    await homing.up();
    expect((await envOf(homing.port))["EGRESS_ALLOW"]).toBeUndefined();
  });
});

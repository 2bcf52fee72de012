import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { freePort } from "@homing/local/free-port";
import { processCommand } from "@homing/local/process-command";
import { type Launcher, createLaunchers } from "./launcher.js";

const launchers = createLaunchers();

afterEach(launchers.cleanUp);

async function refusal(homing: Launcher): Promise<string> {
  expect(await homing.ended).toBe(1);
  const lines = homing.err().split("\n");
  expect(lines).toHaveLength(2);
  return String(lines[0]);
}

describe("a start that cannot succeed says why in one line and exits with 1", () => {
  test.each(["PORT", "WORKER_HEALTH_PORT"])("when %s is in use, before anything is started", async (variable) => {
    const busy = createServer().listen(0, "127.0.0.1");
    await once(busy, "listening");
    const address = busy.address();
    const port = typeof address === "object" ? address?.port : 0;
    const directory = await launchers.newDirectory();
    const homing = await launchers.start({ DATABASE_URL: "", [variable]: String(port) }, directory);
    expect(await refusal(homing)).toBe(
      `Homing cannot start: port ${port} on 127.0.0.1 is in use; set ${variable} to another one`,
    );
    expect(await readdir(join(directory, "homing"))).toEqual([]);
    expect(await homing.record()).toEqual([]);
    busy.close();
  });

  test.each([
    [{ PORT: "http" }, "configuration: PORT must be a port from 1 to 65535"],
    [{ PORT: "4711", WORKER_HEALTH_PORT: "4711" }, "configuration: PORT and WORKER_HEALTH_PORT are both 4711"],
    [{ DATABASE_URL: "mysql://u:hunter2@h/d" }, "configuration: DATABASE_URL must be a postgres:// URL"],
    [{ SHUTDOWN_GRACE_MS: "-1" }, "configuration: SHUTDOWN_GRACE_MS must be 0 to 600000"],
  ])("when a variable is malformed: %j", async (env, message) => {
    const line = await refusal(await launchers.start(env));
    expect(line).toBe(`Homing cannot start: ${message}`);
  });

  test.each([
    ["DATABASE_URL", "postgresql://me:hunter2@127.0.0.1"],
    ["REDIS_URL", "redis://me:hunter2@127.0.0.1"],
  ])("when %s cannot be reached, without its password", async (variable, url) => {
    const port = await freePort();
    const line = await refusal(await launchers.start({ [variable]: `${url}:${port}/0` }));
    expect(line).toBe(`Homing cannot start: ${variable}: cannot reach 127.0.0.1:${port} (ECONNREFUSED)`);
  });

  test("when the migration is refused, and starts neither API nor worker", async () => {
    const homing = await launchers.start({ STAND_IN_MIGRATE: "refuse" });
    expect(await refusal(homing)).toBe("Homing cannot start: migrate: the schema is from the future");
    expect(await homing.record()).toEqual(["migrate"]);
  });

  test("when the queue's migration is refused, and starts neither API nor worker", async () => {
    const homing = await launchers.start({ STAND_IN_MIGRATE_QUEUE: "refuse" });
    expect(await refusal(homing)).toBe("Homing cannot start: migrate queue: the queue is full");
    expect(await homing.record()).toEqual(["migrate", "migrate queue"]);
  });

  test.each(["api", "worker"])("when the %s refuses, and stops the other", async (name) => {
    const homing = await launchers.start({ [`STAND_IN_${name.toUpperCase()}`]: "refuse" });
    expect(await refusal(homing)).toBe(`Homing cannot start: homing-${name}: cannot start: the moon is missing`);
    expect(await processCommand(await homing.pidOf(name === "api" ? "worker" : "api"))).toBeNull();
  });

  test("when the settings file is broken, for new keys could not read what the old ones wrote", async () => {
    const directory = await launchers.newDirectory();
    await mkdir(join(directory, "homing"));
    await writeFile(join(directory, "homing", "settings.json"), '{"HOMING_API_KEY": ');
    const homing = await launchers.start({}, directory);
    expect(await refusal(homing)).toMatch(
      /^Homing cannot start: \S+settings\.json is not the settings file that was written there/,
    );
  });
});

test.each([
  ["a process that is gone", "999999999 node main.js\n"],
  ["another program that has its pid now", `${process.pid} node main.js\n`],
  ["nobody, for its writing was cut short", ""],
])("a lock left by %s is taken over", async (_, lock) => {
  const directory = await launchers.newDirectory();
  await mkdir(join(directory, "homing"));
  await writeFile(join(directory, "homing", "start.lock"), lock);
  const homing = await launchers.start({}, directory);
  await homing.up();
  homing.child.kill("SIGINT");
  expect(await homing.ended).toBe(0);
  expect(await readdir(join(directory, "homing"))).not.toContain("start.lock");
});

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { publishSteadily } from "./publish-steadily.js";
import { useInstallation } from "./use-installation.js";
import { waitForStates } from "./wait-for-deliveries.js";

const AUDIT = fileURLToPath(new URL("../../worker/dist/audit-cli.js", import.meta.url));
const EVENTS = 60;
const INVARIANTS = 16;

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

function audit(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [AUDIT, ...args], { env }, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

describeOn(BACKENDS, "the audit of a live database", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver((_request, count) => ({ status: count % 3 === 0 ? 500 : 200 }));
  });
  afterAll(() => receiver.close());

  test("finds nothing during traffic and after it, and ends with status 0", async () => {
    const { client, databaseUrl } = installation();
    const policy = { retry_policy: { delays_seconds: [0, 0, 0, 0, 0, 0, 0, 0, 0] } };
    const webhook = await client.createWebhook({ url: receiver.url, event_types: ["audit.*"], ...policy });
    const audits: Promise<Ended>[] = [];
    await publishSteadily(client, {
      type: "audit.begun",
      count: EVENTS,
      onAccepted(accepted) {
        if (accepted % (EVENTS / 3) === 0) audits.push(audit({ DATABASE_URL: databaseUrl }));
      },
    });
    await waitForStates(client, { webhookId: webhook.id, state: "succeeded", count: EVENTS });
    audits.push(audit({ DATABASE_URL: databaseUrl }));
    for (const ended of await Promise.all(audits)) {
      expect(ended).toMatchObject({ status: 0, stderr: "" });
      expect(ended.stdout).toContain(`${INVARIANTS} invariants: all hold\n`);
    }
  });

  test("tells what it finds, for people and for programs, and ends with status 1", async () => {
    const { db, databaseUrl } = installation();
    const [row] = await db.$queryRaw<{ id: string }[]>`
      UPDATE deliveries SET attempts_total = attempts_total + 1
      WHERE id = (SELECT id FROM deliveries WHERE state = 'succeeded' LIMIT 1) RETURNING id`;
    const table = await audit({ DATABASE_URL: databaseUrl });
    expect(table.status).toBe(1);
    expect(table.stdout).toMatch(new RegExp(`^attempts_miscounted +1 \\(.*\\): ${row?.id}$`, "m"));
    expect(table.stdout).toContain(`${INVARIANTS} invariants: 1 do not hold\n`);
    const json = await audit({ DATABASE_URL: databaseUrl }, "--json");
    expect(json.status).toBe(1);
    const results: unknown = JSON.parse(json.stdout);
    expect(results).toHaveLength(INVARIANTS);
    expect(results).toContainEqual({
      invariant: "attempts_miscounted",
      meaning: expect.any(String),
      findings: 1,
      examples: [row?.id],
    });
  });

  test("that cannot be made ends with status 2 and one line that names no credentials", async () => {
    const unreachable = await audit({ DATABASE_URL: "postgres://user:s3cr3t@127.0.0.1:1/none" });
    expect(unreachable).toEqual({
      status: 2,
      stdout: "",
      stderr: "audit: the database 127.0.0.1:1/none cannot be reached\n",
    });
    expect(await audit({})).toMatchObject({ status: 2, stderr: expect.stringMatching(/^audit: .*DATABASE_URL.*\n$/) });
    const { databaseUrl } = installation();
    expect(await audit({ DATABASE_URL: databaseUrl }, "--jsn")).toMatchObject({ status: 2, stdout: "" });
  });
});

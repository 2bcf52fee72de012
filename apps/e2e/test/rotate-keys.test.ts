import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { describeOn } from "./backends.js";
import { headerOf, verifyWithBoth } from "./received.js";
import { type Ended, runProgram } from "./run-program.js";
import { useInstallation } from "./use-installation.js";
import { waitForStates } from "./wait-for-deliveries.js";

const ROTATE = "worker/dist/keys-cli.js";
const OLD = `old:${randomBytes(32).toString("base64")}`;
const NEW = `new:${randomBytes(32).toString("base64")}`;
const BATCHES = 12;
const WEBHOOKS_IN_BATCH = 50;
const EVENTS = 30;
const TEST_MS_MAX = 120_000;

describeOn(["postgres"], "keys:rotate", (backend) => {
  const keys = { HOMING_ENCRYPTION_KEYS: `${OLD},${NEW}` };
  const installation = useInstallation({ backend, apiEnv: keys, workerEnv: keys });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  function rotate(encryptionKeys: string, options = {}): Promise<Ended> {
    const env = { DATABASE_URL: installation().databaseUrl, HOMING_ENCRYPTION_KEYS: encryptionKeys };
    return runProgram(ROTATE, env, options);
  }

  async function countByKey(): Promise<Record<string, number>> {
    const rows = await installation().db.$queryRaw<{ key: string; texts: number }[]>`
      SELECT split_part(sealed, '.', 2) AS key, count(*)::int AS texts FROM (
        SELECT sealed FROM webhook_secrets UNION ALL SELECT headers_sealed FROM webhooks WHERE headers_sealed IS NOT NULL
      ) all_sealed GROUP BY 1`;
    return Object.fromEntries(rows.map(({ key, texts }) => [key, texts]));
  }

  test(
    "killed midway is taken up where it was, beside traffic, and afterwards the old key is needed no more",
    async () => {
      const { client } = installation();
      const settings = { url: receiver.url, event_types: ["rotate.begun"], headers: { "x-token": "s3cr3t" } };
      const webhook = await client.createWebhook(settings);
      for (let batch = 0; batch < BATCHES; batch += 1) {
        const made = Array.from({ length: WEBHOOKS_IN_BATCH }, () =>
          client.createWebhook({ ...settings, event_types: ["never.published"] }),
        );
        await Promise.all(made);
      }
      const sealed = 2 * (BATCHES * WEBHOOKS_IN_BATCH + 1);
      expect(await countByKey()).toEqual({ old: sealed });
      const traffic = Promise.all(
        Array.from({ length: EVENTS }, (_event, number) => client.publish("rotate.begun", { number })),
      );

      expect(await rotate(`${NEW},${OLD}`, { killAfterOutput: true })).toMatchObject({ status: -1 });
      const midway = await countByKey();
      expect(midway["old"]).toBeGreaterThan(0);
      expect(midway["new"]).toBeGreaterThan(0);

      const ended = await rotate(`${NEW},${OLD}`);
      expect(ended).toMatchObject({ status: 0, stderr: "" });
      expect(ended.stdout).toMatch(/^webhook\S+ \d+ of \d+$/m);
      expect(ended.stdout).toContain(`${midway["old"]} re-encrypted\nunder key new: ${sealed}\n`);
      expect(await countByKey()).toEqual({ new: sealed });

      await traffic;
      await client.publish("rotate.begun", { number: EVENTS });
      await waitForStates(client, { webhookId: webhook.id, state: "succeeded", count: EVENTS + 1 });
      for (const request of receiver.requests) {
        verifyWithBoth(request, webhook.secret);
        expect(headerOf(request, "x-token")).toBe("s3cr3t");
      }
      await installation().startWorker({ HOMING_ENCRYPTION_KEYS: NEW });
      for (const other of installation().workers) other.kill("SIGTERM");
      await client.publish("rotate.begun", { number: EVENTS + 1 });
      await waitForStates(client, { webhookId: webhook.id, state: "succeeded", count: EVENTS + 2 });
    },
    TEST_MS_MAX,
  );

  test("ends with status 1 and the row's id when a text cannot be opened, and with 2 when it cannot begin", async () => {
    const { db, databaseUrl } = installation();
    await db.$executeRaw`UPDATE webhook_secrets SET sealed = 'hunter2' WHERE id = (SELECT min(id::text)::uuid FROM webhook_secrets)`;
    const [row] = await db.$queryRaw<{ id: string }[]>`SELECT id FROM webhook_secrets WHERE sealed = 'hunter2'`;
    const broken = await rotate(NEW);
    expect(broken.status).toBe(1);
    expect(broken.stdout).toContain(`cannot be opened: webhook_secrets.sealed ${row?.id}\n`);
    expect(broken.stdout).not.toContain("hunter2");
    expect(await rotate("new:hunter2")).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^keys: HOMING_ENCRYPTION_KEYS: (?!.*hunter2).*\n$/),
    });
    expect(await runProgram(ROTATE, { DATABASE_URL: databaseUrl })).toMatchObject({
      status: 2,
      stderr: "keys: configuration: HOMING_ENCRYPTION_KEYS is required\n",
    });
  });

  test.each(["api/dist/main.js", "worker/dist/main.js"])("%s does not start without a key", async (program) => {
    const { databaseUrl } = installation();
    const ended = await runProgram(program, { DATABASE_URL: databaseUrl, NODE_ENV: "production" });
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining("HOMING_ENCRYPTION_KEYS is required") });
    const malformed = await runProgram(program, {
      DATABASE_URL: databaseUrl,
      HOMING_ENCRYPTION_KEYS: "k1:aHVudGVyMg==",
    });
    expect(malformed).toMatchObject({ status: 1, stderr: expect.stringContaining("HOMING_ENCRYPTION_KEYS") });
    expect(malformed.stdout + malformed.stderr).not.toContain("aHVudGVyMg");
  });
});

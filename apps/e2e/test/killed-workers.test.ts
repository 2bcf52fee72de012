import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { BACKENDS, describeOn } from "./backends.js";
import type { HomingProcess } from "./homing-process.js";
import { publishOne } from "./publish-one.js";
import { byWebhookId, headerOf } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const LEASE_MS = 10_000;
const AGAIN_MS_MAX = 15_000;
const FAULTS_MAX = 5;
const OUT_AT_ONCE = 6;
const HANGING_MS = 120_000;
const TEST_MS_MAX = 60_000;

describeOn(BACKENDS, "killing workers in mid-attempt", (backend) => {
  const installation = useInstallation({ backend, workers: 0 });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  async function stopWorkers(): Promise<void> {
    const workers = installation()
      .running()
      .filter(({ name }) => name.startsWith("worker"));
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(workers.map(({ exited }) => exited));
  }

  test(
    "everything that was out is tried again by another within 15 s, however long its deadline, under the same id",
    async () => {
      const { client } = installation();
      receiver.requests.length = 0;
      receiver.answerWith((_request, count) => (count <= OUT_AT_ONCE ? { delayMs: HANGING_MS } : {}));
      const doomed = await installation().startWorker();
      // One for each webhook: of one that nobody knows yet, a worker makes few requests at once.
      const deliveryIds: string[] = [];
      for (let number = 1; number <= OUT_AT_ONCE; number += 1) {
        const { delivery } = await publishOne(client, { url: receiver.url, timeout_ms: 30_000 });
        deliveryIds.push(delivery.id);
      }
      await receiver.waitForRequests(OUT_AT_ONCE);
      await installation().startWorker();
      doomed.kill("SIGKILL");
      const killedAtMs = Date.now();
      const wait = AGAIN_MS_MAX + LEASE_MS;
      await Promise.all(deliveryIds.map((id) => waitForState(client, id, "succeeded", wait)));
      const again = receiver.requests.slice(OUT_AT_ONCE).map(({ at }) => at.getTime() - killedAtMs);
      process.stdout.write(`${backend}: sent again ${Math.min(...again)} to ${Math.max(...again)} ms after SIGKILL\n`);
      expect(again).toHaveLength(OUT_AT_ONCE);
      expect(Math.max(...again)).toBeLessThan(AGAIN_MS_MAX);
      expect([...byWebhookId(receiver.requests).values()].map((requests) => requests.length)).toEqual(
        Array.from({ length: OUT_AT_ONCE }, () => 2),
      );
      await stopWorkers();
    },
    TEST_MS_MAX,
  );

  test(
    "a request that lasts longer than a lease is sent once, also when its worker is asked to stop meanwhile",
    async () => {
      const { client } = installation();
      receiver.requests.length = 0;
      receiver.answerWith(() => ({ delayMs: LEASE_MS + 3_000 }));
      const stopping = await installation().startWorker();
      const { delivery } = await publishOne(client, { url: receiver.url, timeout_ms: 20_000 });
      await receiver.waitForRequests(1);
      await installation().startWorker();
      stopping.kill("SIGTERM");
      expect(await waitForState(client, delivery.id, "succeeded")).toMatchObject({
        attempts_total: 1,
        attempts_in_series: 1,
      });
      expect(receiver.requests).toHaveLength(1);
      expect(await stopping.exited).toBe(0);
      await stopWorkers();
    },
    TEST_MS_MAX,
  );

  test(
    "a delivery that kills each of its workers ends as failed with the reason after five requests",
    async () => {
      const { client, db } = installation();
      receiver.requests.length = 0;
      let doomed: Promise<HomingProcess> = installation().startWorker();
      receiver.answerWith(async () => {
        (await doomed).kill("SIGKILL");
        return { delayMs: HANGING_MS };
      });
      const { delivery, event } = await publishOne(client, { url: receiver.url });
      for (let lost = 1; lost <= FAULTS_MAX; lost += 1) {
        expect(await (await doomed).exited).toBe("SIGKILL");
        // Instead of waiting for the lease to run out.
        await db.$executeRaw`UPDATE deliveries SET lease_until = now(), relay_at = now() WHERE id = ${delivery.id}::uuid`;
        doomed = installation().startWorker();
      }
      await doomed;
      expect(await waitForState(client, delivery.id, "failed")).toMatchObject({
        attempts_total: 0,
        last_error: "5 attempts in a row ended without a record: their worker died or lost its lease",
      });
      expect(receiver.requests.map((request) => headerOf(request, "webhook-id"))).toEqual(
        Array.from({ length: FAULTS_MAX }, () => event.id),
      );
      const last = await doomed;
      await waitFor(() => last.log().includes("delivery.poisoned"), { what: "the worker to say so" });
      await stopWorkers();
    },
    TEST_MS_MAX,
  );
});

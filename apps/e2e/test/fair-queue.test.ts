import { SYSTEM } from "@homing/core/audit-log/actor";
import { randomUUID } from "node:crypto";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { createDeliveryQueue, type DeliveryQueue } from "@homing/queue/queue";
import { startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { expect, test } from "@jest/globals";
import { BACKENDS, describeOn } from "./backends.js";
import type { Client } from "./client.js";
import type { Installation } from "./installation.js";
import { useInstallation } from "./use-installation.js";

const BATCH_EVENTS_MAX = 1_000;
const FULL = 20_000;
const HINTS_PER_JOB = 10;
const PLACE_MAX = 300;
const TEST_MS_MAX = 90_000;

async function newOrganization({ client, db }: Installation): Promise<Client> {
  return client.as((await createOrganization({ db, actor: SYSTEM }, { name: "another" })).key);
}

async function publishMany(client: Client, events: number): Promise<void> {
  const body = { events: Array.from({ length: events }, (_, index) => ({ type: "a.b", payload: { index } })) };
  expect((await client.ask("POST", "/v1/events/batch", { body })).status).toBe(202);
}

function openQueue({ databaseUrl, redis }: Installation): Promise<DeliveryQueue> {
  return createDeliveryQueue({ databaseUrl, ...(redis && { redisUrl: redis.url }), onError: () => undefined });
}

/** How many deliveries nobody has handed over, of those that nobody has claimed. */
async function backlogged({ db }: Installation, webhookId: string): Promise<number> {
  return db.delivery.count({ where: { webhookId, state: "pending", queuedAt: null, parkedAt: null } });
}

describeOn(BACKENDS, "an organization that publishes far more than the others", (backend) => {
  const installation = useInstallation({ backend, workers: 0, workerEnv: { WORKER_CONCURRENCY: "2" } });

  test(
    "does not keep another's event waiting behind its backlog",
    async () => {
      const [big, small] = [installation().client, await newOrganization(installation())];
      const [bigReceiver, smallReceiver] = [await startReceiver(), await startReceiver()];
      const { id } = await big.createWebhook({ url: bigReceiver.url });
      await small.createWebhook({ url: smallReceiver.url });
      await publishMany(big, BATCH_EVENTS_MAX);
      await publishMany(big, BATCH_EVENTS_MAX);
      await small.publish("a.b", {});
      const queue = await openQueue(installation());
      const jobs = (2 * BATCH_EVENTS_MAX) / HINTS_PER_JOB + 1;
      await waitFor(async () => (await queue.depth()).waiting === jobs, { what: "all hints" });
      await queue.close();
      let before: number | null = null;
      smallReceiver.answerWith(() => {
        before ??= bigReceiver.requests.length;
        return {};
      });
      const worker = await installation().startWorker();
      await smallReceiver.waitForRequests(1, TEST_MS_MAX);
      process.stdout.write(`${backend}: ${before} of the other's ${2 * BATCH_EVENTS_MAX} events came before it\n`);
      expect(before).toBeLessThan(PLACE_MAX);
      await big.archiveWebhook(id);
      worker.kill("SIGTERM");
      await worker.exited;
      await Promise.all([bigReceiver.close(), smallReceiver.close()]);
    },
    TEST_MS_MAX,
  );

  test(
    "is answered 202 while the queue is full, its deliveries wait in Postgres, and all arrive once there is room",
    async () => {
      const client = await newOrganization(installation());
      const receiver = await startReceiver();
      const { id } = await client.createWebhook({ url: receiver.url });
      const queue = await openQueue(installation());
      await queue.bullQueue.drain();
      // Of deliveries that there are not: whoever takes them finds nothing to do.
      const ids = { webhookId: randomUUID(), series: 1, number: 1 };
      await queue.enqueue(
        Array.from({ length: FULL }, () => ({ hints: [{ ...ids, deliveryId: randomUUID() }], delayMs: 0 })),
      );
      let published = 0;
      await waitFor(
        async () => {
          await publishMany(client, BATCH_EVENTS_MAX / 2);
          published += BATCH_EVENTS_MAX / 2;
          return (await backlogged(installation(), id)) > 0;
        },
        { what: "the API to know that the queue is full" },
      );
      const before = await backlogged(installation(), id);
      // Hints are handed over after the answer.
      const waiting = FULL + (published - before) / HINTS_PER_JOB;
      await waitFor(async () => (await queue.depth()).waiting === waiting, { what: "the hints in the queue" });
      await publishMany(client, BATCH_EVENTS_MAX / 2);
      published += BATCH_EVENTS_MAX / 2;
      expect(await backlogged(installation(), id)).toBe(before + BATCH_EVENTS_MAX / 2);
      expect((await queue.depth()).waiting).toBe(waiting);
      await queue.bullQueue.drain();
      await queue.close();
      // The hints of those that were handed over went, too: nobody need wait until their patience has run out.
      await installation().db
        .$executeRaw`UPDATE deliveries SET relay_at = now() WHERE queued_at IS NOT NULL AND state = 'pending'`;
      await installation().startWorker({ WORKER_CONCURRENCY: "50" });
      await receiver.waitForRequests(published, TEST_MS_MAX);
      expect(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(published);
      await receiver.close();
    },
    TEST_MS_MAX,
  );
});

import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { describeOn } from "./backends.js";
import { jobsAskedFor } from "./board.js";
import { publishOne } from "./publish-one.js";
import { publishSteadily } from "./publish-steadily.js";
import { byWebhookId } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { waitForState, waitForStates } from "./wait-for-deliveries.js";

const ANSWER_MS_MAX = 3_000;
const WAITING_JOBS = 20;
// Less than the 15 s for which a hint is waited for.
const HANDED_OVER_MS_MAX = 8_000;
// Far less than the grace period of 20 s.
const STOPPED_MS_MAX = 10_000;
const DELIVERED_MS_MAX = 40_000;
const TEST_MS_MAX = 60_000;

describeOn(["redis"], "with Redis stopped or emptied", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test(
    "events are accepted within 3 s each, and are delivered once a new, empty Redis is there",
    async () => {
      const { client, redis } = installation();
      receiver.requests.length = 0;
      const webhook = await client.createWebhook({ url: receiver.url, event_types: ["outage.*"] });
      await redis?.stop();
      let slowestMs = 0;
      const ids: string[] = [];
      for (let number = 1; number <= 20; number += 1) {
        const sentAt = performance.now();
        ids.push((await client.publish("outage.begun", { number })).id);
        slowestMs = Math.max(slowestMs, performance.now() - sentAt);
      }
      expect(slowestMs).toBeLessThan(ANSWER_MS_MAX);
      expect(receiver.requests).toHaveLength(0);

      await installation().restartRedis();
      const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: ids.length };
      await waitForStates(client, wanted, DELIVERED_MS_MAX);
      expect([...byWebhookId(receiver.requests).keys()].toSorted()).toEqual(ids.toSorted());
      expect(receiver.requests).toHaveLength(ids.length);
    },
    TEST_MS_MAX,
  );

  test(
    "a retry asked for meanwhile is carried out once Redis is back",
    async () => {
      const { client } = installation();
      receiver.answerWith(() => ({ status: 500 }));
      const { id } = (await publishOne(client, { url: receiver.url })).delivery;
      await waitForState(client, id, "failed");
      receiver.answerWith(() => ({}));
      await installation().redis?.stop();
      const sentAt = performance.now();
      expect(await client.retry(id)).toMatchObject({ state: "pending", series: 2 });
      expect(performance.now() - sentAt).toBeLessThan(ANSWER_MS_MAX);
      await installation().restartRedis();
      expect(await waitForState(client, id, "succeeded", DELIVERED_MS_MAX)).toMatchObject({ attempts_total: 2 });
    },
    TEST_MS_MAX,
  );

  test(
    "nothing is lost or sent twice when Redis is flushed under load",
    async () => {
      const { client } = installation();
      receiver.answerWith(() => ({ delayMs: 20 }));
      receiver.requests.length = 0;
      const webhook = await client.createWebhook({ url: receiver.url, event_types: ["flush.*"] });
      let flushes = 0;
      const ids = await publishSteadily(client, {
        type: "flush.begun",
        count: 300,
        async onAccepted(accepted) {
          if (accepted % 75 !== 0) return;
          await flush(installation().redis?.port ?? 0);
          flushes += 1;
        },
      });
      expect(flushes).toBe(4);
      await waitFor(() => byWebhookId(receiver.requests).size >= ids.length, {
        what: "every event at the receiver",
        timeoutMs: DELIVERED_MS_MAX,
      });
      const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: ids.length };
      await waitForStates(client, wanted, DELIVERED_MS_MAX);
      expect([...byWebhookId(receiver.requests).keys()].toSorted()).toEqual(ids.toSorted());
      expect(receiver.requests).toHaveLength(ids.length);
    },
    TEST_MS_MAX,
  );

  test("an idle worker stops in good order within seconds while Redis is away", async () => {
    const worker = await installation().startWorker();
    await installation().redis?.stop();
    const askedAt = performance.now();
    worker.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(STOPPED_MS_MAX);
    await installation().restartRedis();
  });

  /** Those within their organization's share, and those beyond it. */
  async function countWaiting(): Promise<number> {
    const [first, others] = await Promise.all([
      jobsAskedFor(installation(), "waiting"),
      jobsAskedFor(installation(), "prioritized"),
    ]);
    return first.length + others.length;
  }

  test("what waited in a Redis that is flushed is handed over again at once, not when its patience is over", async () => {
    const { client, redis, workers } = installation();
    receiver.answerWith(() => ({}));
    const { webhook, type, delivery } = await publishOne(client, { url: receiver.url });
    await waitForState(client, delivery.id, "succeeded");
    const [worker] = workers;
    worker?.kill("SIGSTOP");
    try {
      for (let number = 1; number <= WAITING_JOBS; number += 1) await client.publish(type, { number });
      await waitFor(async () => (await countWaiting()) >= WAITING_JOBS, { what: "the jobs on the board" });
      await flush(redis?.port ?? 0);
    } finally {
      worker?.kill("SIGCONT");
    }
    const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: WAITING_JOBS + 1 };
    expect(await waitForStates(client, wanted, HANDED_OVER_MS_MAX)).toHaveLength(WAITING_JOBS + 1);
  });
});

function flush(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("FLUSHALL\r\n"));
    socket.once("error", reject);
    socket.once("data", (reply) => {
      socket.destroy();
      if (reply.toString() === "+OK\r\n") resolve();
      else reject(new Error(`FLUSHALL was answered with ${reply.toString()}`));
    });
  });
}

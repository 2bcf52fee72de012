import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import type { Delivery } from "./client.js";
import { publishOne } from "./publish-one.js";
import { publishSteadily } from "./publish-steadily.js";
import { byWebhookId, headerOf } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { waitForState, waitForStates } from "./wait-for-deliveries.js";

const EVENTS = 300;
const SETTLED_MS_MAX = 40_000;
const KILLED_MS_MAX = 25_000;
const TEST_MS_MAX = 90_000;

describeOn(BACKENDS, "stopping processes under load", (backend) => {
  const installation = useInstallation({ backend, workers: 2 });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test(
    "with SIGTERM loses no event and no attempt's record, and each process exits with status 0",
    async () => {
      const { client, api, workers } = installation();
      receiver.answerWith(() => ({ delayMs: 60 }));
      receiver.requests.length = 0;
      const webhook = await client.createWebhook({ url: receiver.url, event_types: ["load.*"] });
      const [first] = workers;
      const replaced: Promise<unknown>[] = [];
      const ids = await publishSteadily(client, {
        type: "load.steady",
        count: EVENTS,
        onAccepted(accepted) {
          if (accepted === EVENTS / 3) {
            first?.kill("SIGTERM");
            replaced.push(installation().startWorker());
          }
          if (accepted === (EVENTS * 2) / 3) {
            api.kill("SIGTERM");
            replaced.push(api.exited.then(() => installation().startApi()));
          }
        },
      });
      await Promise.all(replaced);
      expect([await first?.exited, await api.exited]).toEqual([0, 0]);
      expect(new Set(ids).size).toBe(EVENTS);

      const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: EVENTS };
      const deliveries = await waitForStates(client, wanted, SETTLED_MS_MAX);
      expect(deliveries.map(({ event_id }) => event_id).toSorted()).toEqual(ids.toSorted());
      expect([...byWebhookId(receiver.requests).keys()].toSorted()).toEqual(ids.toSorted());
      await expectEveryRequestOnRecord(deliveries);
    },
    TEST_MS_MAX,
  );

  async function expectEveryRequestOnRecord(deliveries: Delivery[]): Promise<void> {
    const requests = new Map<string, number>();
    for (const request of receiver.requests) {
      const id = headerOf(request, "homing-delivery-id");
      requests.set(id, (requests.get(id) ?? 0) + 1);
    }
    const attempts = await installation().db.$queryRaw<{ delivery_id: string; count: number }[]>`
      SELECT delivery_id, count(*)::int FROM attempts JOIN deliveries ON deliveries.id = delivery_id
      WHERE event_id IN (SELECT id FROM events WHERE type = 'load.steady') GROUP BY 1`;
    expect(new Map(attempts.map(({ delivery_id, count }) => [delivery_id, count]))).toEqual(requests);
    expect(new Map(deliveries.map(({ id, attempts_total }) => [id, attempts_total]))).toEqual(requests);
  }

  test(
    "with SIGKILL in mid-attempt sends the delivery again once its lease is over, under the same id",
    async () => {
      const { client } = installation();
      // Whoever asks first is killed before it gets its answer.
      const hanging = await startReceiver((_request, count) => (count === 1 ? { delayMs: TEST_MS_MAX } : {}));
      const others = installation()
        .running()
        .filter(({ name }) => name.startsWith("worker"));
      for (const worker of others) worker.kill("SIGTERM");
      await Promise.all(others.map(({ exited }) => exited));
      const doomed = await installation().startWorker();
      const { delivery, event } = await publishOne(client, { url: hanging.url, timeout_ms: 1_000 });
      await hanging.waitForRequests(1);
      doomed.kill("SIGKILL");
      const killedAt = performance.now();
      expect(await doomed.exited).toBe("SIGKILL");
      await installation().startWorker();
      const succeeded = await waitForState(client, delivery.id, "succeeded", KILLED_MS_MAX);
      process.stdout.write(`${backend}: sent again ${Math.round(performance.now() - killedAt)} ms after SIGKILL\n`);
      expect(succeeded).toMatchObject({ series: 1, attempts_total: 1 });
      expect(hanging.requests.map((request) => headerOf(request, "webhook-id"))).toEqual([event.id, event.id]);
      await hanging.close();
    },
    TEST_MS_MAX,
  );
});

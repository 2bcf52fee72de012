import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { publishSteadily } from "./publish-steadily.js";
import { byWebhookId } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { waitForStates } from "./wait-for-deliveries.js";

const EVENTS = 300;
const BREAKS = 5;
const SETTLED_MS_MAX = 60_000;
const TEST_MS_MAX = 120_000;

describeOn(BACKENDS, "when Postgres ends every session, again and again, under load", (backend) => {
  const installation = useInstallation({ backend, workers: 2 });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver(() => ({ delayMs: 20 }));
  });
  afterAll(() => receiver.close());

  /** What a restart does to its clients. @returns how many sessions were ended */
  async function endSessions(): Promise<number> {
    const [ended] = await installation().db.$queryRaw<{ count: number }[]>`
      SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity
      WHERE datname = current_database() AND application_name <> 'homing-e2e'`;
    return ended?.count ?? 0;
  }

  test(
    "no request is answered with an error of ours, and every event that was accepted arrives",
    async () => {
      const { client } = installation();
      const webhook = await client.createWebhook({ url: receiver.url, event_types: ["restart.*"] });
      const ended: number[] = [];
      const ids = await publishSteadily(client, {
        type: "restart.begun",
        count: EVENTS,
        async onAccepted(accepted) {
          if (accepted % (EVENTS / BREAKS) === EVENTS / BREAKS / 2) ended.push(await endSessions());
        },
      });
      expect(ended).toHaveLength(BREAKS);
      expect(Math.min(...ended)).toBeGreaterThan(1);
      const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: EVENTS };
      const deliveries = await waitForStates(client, wanted, SETTLED_MS_MAX);
      expect(deliveries.map(({ event_id }) => event_id).toSorted()).toEqual(ids.toSorted());
      expect([...byWebhookId(receiver.requests).keys()].toSorted()).toEqual(ids.toSorted());
    },
    TEST_MS_MAX,
  );
});

import { randomUUID } from "node:crypto";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { BACKENDS, describeOn } from "./backends.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState, waitForStates } from "./wait-for-deliveries.js";

const SLOTS = 8;
const TEST_MS_MAX = 90_000;
const PATIENCE_MS = 60_000;

describeOn(BACKENDS, "one webhook and its neighbours", (backend) => {
  const installation = useInstallation({ backend, workerEnv: { WORKER_CONCURRENCY: String(SLOTS) } });
  let receiver: TestReceiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  /** A webhook of this receiver that wants a type of its own. */
  async function makeWebhook(settings: Record<string, unknown>): Promise<{ webhookId: string; type: string }> {
    const type = `order.${randomUUID()}`;
    const webhook = await installation().client.createWebhook({ url: receiver.url, event_types: [type], ...settings });
    return { webhookId: webhook.id, type };
  }

  async function publishNumbers(type: string, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, number) => ({ type, payload: { number } }));
    expect((await installation().client.ask("POST", "/v1/events/batch", { body: { events } })).status).toBe(202);
  }

  const numberOf = (body: Buffer): number => JSON.parse(body.toString("utf8")).number;

  test(
    "endpoints that hang do not take a worker from one that answers, however many they are",
    async () => {
      const { client } = installation();
      const hanging = await startReceiver();
      hanging.answerWith(() => ({ delayMs: PATIENCE_MS }));
      const settings = { url: hanging.url, timeout_ms: 5_000 };
      for (let webhooks = 0; webhooks < SLOTS; webhooks += 1) await publishOne(client, settings);
      const { type } = await makeWebhook(settings);
      await publishNumbers(type, 3 * SLOTS);
      await hanging.waitForRequests(SLOTS / 2);
      const { delivery, type: healthy } = await publishOne(client, { url: receiver.url });
      // A new webhook may have to wait for those that are as unknown as it is; one that has answered does not.
      await waitForState(client, delivery.id, "succeeded", PATIENCE_MS);
      await publishNumbers(healthy, 5);
      expect(await receiver.waitForRequests(6)).toHaveLength(6);
      expect(hanging.requests.length).toBeLessThan(4 * SLOTS);
      await hanging.close();
    },
    TEST_MS_MAX,
  );

  test(
    "endpoints that hang wait for each other's deadlines no more than others wait for them",
    async () => {
      const { client } = installation();
      const hanging = await startReceiver();
      hanging.answerWith(() => ({ delayMs: PATIENCE_MS }));
      const webhooks = 3 * SLOTS;
      // Half of the slots at once, for half a minute each, would take minutes.
      for (let index = 0; index < webhooks; index += 1)
        await publishOne(client, { url: hanging.url, timeout_ms: 30_000 });
      expect(await hanging.waitForRequests(webhooks, PATIENCE_MS)).toHaveLength(webhooks);
      await hanging.close();
    },
    TEST_MS_MAX,
  );

  test("with an order gets its events strictly in it, also where one fails, and one at a time", async () => {
    const events = 12;
    const { webhookId, type } = await makeWebhook({
      ordering: "event",
      retry_policy: { delays_seconds: [0.3], jitter: 0 },
    });
    let underWay = 0;
    let underWayMax = 0;
    receiver.answerWith(async ({ body }, count) => {
      underWay += 1;
      underWayMax = Math.max(underWayMax, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return { status: numberOf(body) === 4 && count <= 5 ? 500 : 200 };
    });
    await publishNumbers(type, events);
    await waitForStates(installation().client, { webhookId, state: "succeeded", count: events });
    const numbers = receiver.requests.map(({ body }) => numberOf(body));
    expect(numbers).toEqual([0, 1, 2, 3, 4, ...Array.from({ length: events - 4 }, (_, index) => index + 4)]);
    expect(underWayMax).toBe(1);
  });

  test("with a rate gets no more than that, and all in the end, with one attempt each", async () => {
    const { webhookId, type } = await makeWebhook({ rate_limit: { count: 3, period_seconds: 2 } });
    await publishNumbers(type, 7);
    const deliveries = await waitForStates(installation().client, { webhookId, state: "succeeded", count: 7 });
    expect(deliveries.map(({ attempts_total }) => attempts_total)).toEqual(deliveries.map(() => 1));
    const times = receiver.requests.map(({ at }) => at.getTime());
    // Periods begin with a pull; a request may be late by what its worker is busy with.
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_000);
    expect((times[6] ?? 0) - (times[3] ?? 0)).toBeGreaterThan(1_000);
  });

  test(
    "that fails is left alone and shows it; once it is well, everything arrives",
    async () => {
      const events = 60;
      let isWell = false;
      receiver.answerWith(() => ({ status: isWell ? 200 : 500 }));
      const { webhookId, type } = await makeWebhook({
        retry_policy: { delays_seconds: Array.from({ length: 50 }, () => 0.2), jitter: 0 },
      });
      await publishNumbers(type, events);
      await waitFor(async () => (await installation().client.webhook(webhookId)).circuit !== "closed", {
        what: "the circuit to open",
        timeoutMs: PATIENCE_MS,
      });
      isWell = true;
      const { client } = installation();
      await waitForStates(client, { webhookId, state: "succeeded", count: events }, PATIENCE_MS);
      expect(await client.webhook(webhookId)).toMatchObject({
        circuit: "closed",
        state: "enabled",
        circuit_openings: 1,
      });
    },
    TEST_MS_MAX,
  );
});

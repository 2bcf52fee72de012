import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type ReceivedRequest, type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { BACKENDS, describeOn } from "./backends.js";
import type { Webhook } from "./client.js";
import { publishOne } from "./publish-one.js";
import { headerOf, verifyWithBoth } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

describeOn(BACKENDS, "Homing's own events", (backend) => {
  const installation = useInstallation({ backend, workers: 2 });
  let receiver: TestReceiver;
  let listening: TestReceiver;
  let listener: Webhook & { secret: string };

  beforeEach(async () => {
    receiver = await startReceiver();
    listening = await startReceiver();
    listener = await installation().client.createWebhook({ url: listening.url, event_types: ["homing.*"] });
  });
  afterEach(async () => {
    await installation().client.archiveWebhook(listener.id);
    await Promise.all([receiver.close(), listening.close()]);
  });

  /** What the listener was told, each request verified, by type. */
  async function waitForOwnEvents(count: number): Promise<Record<string, unknown>> {
    const requests = await listening.waitForRequests(count);
    for (const request of requests) verifyWithBoth(request, listener.secret);
    return Object.fromEntries(requests.map((request) => [headerOf(request, "homing-event-type"), bodyOf(request)]));
  }

  function bodyOf({ body }: ReceivedRequest): unknown {
    return JSON.parse(body.toString("utf8"));
  }

  test("a delivery that has failed for good is told to the webhook that listens, signed, and to no other", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 500 }));
    const { webhook, event, delivery } = await publishOne(client, { url: receiver.url });
    await waitForOwnEvents(1);
    const everything = await client.createWebhook({ url: listening.url });
    await client.retry(delivery.id);
    expect(await waitForOwnEvents(2)).toEqual({
      "homing.delivery.exhausted": {
        delivery_id: delivery.id,
        event_id: event.id,
        event_type: delivery.event_type,
        webhook_id: webhook.id,
        attempts_total: 2,
        last_response_status: 500,
        last_error: "responded 500",
      },
    });
    expect(await client.deliveries({ webhook_id: everything.id })).toEqual([]);
    await client.archiveWebhook(everything.id);
  });

  test("a webhook that is disabled by a 410 is told, with the reason", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 410 }));
    const { webhook } = await publishOne(client, { url: receiver.url });
    const told = await waitForOwnEvents(2);
    expect(Object.keys(told).toSorted()).toEqual(["homing.delivery.exhausted", "homing.webhook.disabled"]);
    expect(told["homing.webhook.disabled"]).toEqual({
      webhook_id: webhook.id,
      reason: "the receiver answered 410 Gone",
      disabled_at: expect.any(String),
    });
  });

  test("a webhook that has failed for five days is disabled by its next failure; enabled, it starts anew", async () => {
    const { client, db } = installation();
    receiver.answerWith((_request, count) => ({ status: count <= 2 ? 500 : 200 }));
    const { webhook, delivery, type } = await publishOne(client, { url: receiver.url });
    await waitForState(client, delivery.id, "failed");
    await waitForOwnEvents(1);
    await db.$executeRaw`
      UPDATE webhooks SET failing_since = failing_since - interval '121 hours' WHERE id = ${webhook.id}::uuid`;
    await client.publish(type, { number: 2 });
    expect((await waitForOwnEvents(3))["homing.webhook.disabled"]).toMatchObject({
      webhook_id: webhook.id,
      reason: "every attempt has failed for 5 days",
    });
    expect(await client.webhook(webhook.id)).toMatchObject({ state: "disabled", failing_since: expect.any(String) });

    await client.publish(type, { number: 3 });
    expect(await client.act(webhook.id, "enable")).toMatchObject({ state: "enabled", failing_since: null });
    await waitFor(async () => (await client.deliveries({ webhook_id: webhook.id, state: "succeeded" })).length === 1, {
      what: "what was held to arrive",
    });
  });

  test("a webhook that succeeds after a long time of failures is told", async () => {
    const { client, db } = installation();
    receiver.answerWith((_request, count) => ({ status: count === 1 ? 500 : 200 }));
    const { webhook, delivery } = await publishOne(client, { url: receiver.url });
    await waitForState(client, delivery.id, "failed");
    await waitForOwnEvents(1);
    await db.$executeRaw`
      UPDATE webhooks SET failing_since = failing_since - interval '1 hour' WHERE id = ${webhook.id}::uuid`;
    const { failing_since } = await client.webhook(webhook.id);
    await client.retry(delivery.id);
    expect((await waitForOwnEvents(2))["homing.webhook.recovered"]).toEqual({
      webhook_id: webhook.id,
      failing_since,
      recovered_at: expect.any(String),
    });
    expect((await client.webhook(webhook.id)).failing_since).toBeNull();
  });
});

import { createHmac } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { BACKENDS, describeOn } from "./backends.js";
import { publishOne } from "./publish-one.js";
import { headerOf, verifyWithBoth } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { deliveryOf, waitForState, waitForStates } from "./wait-for-deliveries.js";

// Together many more than one pull of a release takes.
const HELD_BATCHES = 6;
const BATCH_EVENTS = 20;
const LONG_SECONDS = 3_600;

describeOn(BACKENDS, "a webhook", (backend) => {
  // One attempt at a time: order can be told.
  const installation = useInstallation({ backend, workerEnv: { WORKER_CONCURRENCY: "1" } });
  let receiver: TestReceiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  test("that is disabled holds its deliveries; once enabled, they arrive in the order they were made", async () => {
    const { client } = installation();
    const { webhook, type, delivery } = await publishOne(client, { url: receiver.url });
    await waitForState(client, delivery.id, "succeeded");
    expect((await client.act<{ state: string }>(webhook.id, "disable")).state).toBe("disabled");
    for (let batch = 1; batch <= HELD_BATCHES; batch += 1) await publishBatch(type, batch);
    const held = HELD_BATCHES * BATCH_EVENTS;
    await waitForStates(client, { webhookId: webhook.id, state: "held", count: held });
    expect(receiver.requests).toHaveLength(1);

    await client.act(webhook.id, "enable");
    await waitForStates(client, { webhookId: webhook.id, state: "succeeded", count: held + 1 });
    expect(receiver.requests).toHaveLength(held + 1);
    const batches = receiver.requests.slice(1).map(({ body }): number => JSON.parse(body.toString("utf8")).batch);
    const early = batches.filter((batch, index) => batch < (batches[index - 1] ?? 0));
    expect(early).toEqual([]);
  });

  // Events of one batch are made at once: none of them is before another.
  async function publishBatch(type: string, batch: number): Promise<void> {
    const events = Array.from({ length: BATCH_EVENTS }, () => ({ type, payload: { batch } }));
    const { status } = await installation().client.ask("POST", "/v1/events/batch", { body: { events } });
    expect(status).toBe(202);
  }

  test("that is disabled while a retry is scheduled holds it, and sends it when it is enabled", async () => {
    const { client } = installation();
    receiver.answerWith((_request, count) => ({ status: count === 1 ? 500 : 200 }));
    const policy = { delays_seconds: [0.5], jitter: 0 };
    const { webhook, delivery } = await publishOne(client, { url: receiver.url, retry_policy: policy });
    await receiver.waitForRequests(1);
    await client.act(webhook.id, "disable");
    await waitForState(client, delivery.id, "held");
    await client.act(webhook.id, "enable");
    expect(await waitForState(client, delivery.id, "succeeded")).toMatchObject({ series: 1, attempts_total: 2 });
  });

  test("that is deleted gets nothing more: what waits is cancelled, what is published does not match", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 500 }));
    const policy = { delays_seconds: [0.5, 0.5], jitter: 0 };
    const { webhook, delivery, type } = await publishOne(client, { url: receiver.url, retry_policy: policy });
    await receiver.waitForRequests(1);
    await client.archiveWebhook(webhook.id);
    await waitForState(client, delivery.id, "cancelled");
    expect((await client.publish(type, { number: 2 })).matched_webhooks).toBe(0);
    expect(receiver.requests).toHaveLength(1);
    expect((await client.webhook(webhook.id)).state).toBe("archived");
  });

  test("that gets a new URL has the next attempt of an old delivery sent there", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 500 }));
    const { webhook, delivery, event } = await publishOne(client, { url: receiver.url });
    await waitForState(client, delivery.id, "failed");
    const next = await startReceiver();
    await client.changeWebhook(webhook.id, { url: next.url });
    await client.retry(delivery.id);
    await waitForState(client, delivery.id, "succeeded");
    expect(next.requests.map((request) => headerOf(request, "webhook-id"))).toEqual([event.id]);
    expect(receiver.requests).toHaveLength(1);
    await next.close();
  });

  test("whose secret is rotated signs with the old and the new one, and shows the new one", async () => {
    const { client } = installation();
    const { webhook, type } = await publishOne(client, { url: receiver.url });
    const { secret } = await client.act<{ secret: string }>(webhook.id, "rotate_secret");
    expect(secret).not.toBe(webhook.secret);
    await client.publish(type, { number: 2 });
    const [first, second] = await receiver.waitForRequests(2);
    if (first === undefined || second === undefined) throw new Error("two requests came");
    expect(() => verifyWithBoth(first, webhook.secret)).not.toThrow();
    expect(() => verifyWithBoth(first, secret)).toThrow("No matching signature found");
    expect(() => verifyWithBoth(second, webhook.secret)).not.toThrow();
    expect(() => verifyWithBoth(second, secret)).not.toThrow();
    const { text } = await client.ask("GET", `/v1/webhooks/${webhook.id}/secret`);
    expect(JSON.parse(text)).toEqual({ secret });
  });

  test("gets a signed test event on demand, whatever its patterns", async () => {
    const { client } = installation();
    const webhook = await client.createWebhook({ url: receiver.url, event_types: ["nothing.else"] });
    const { event_id } = await client.act<{ event_id: string }>(webhook.id, "test");
    const [request] = await receiver.waitForRequests(1);
    if (request === undefined) throw new Error("one request came");
    verifyWithBoth(request, webhook.secret);
    expect(headerOf(request, "webhook-id")).toBe(event_id);
    expect(headerOf(request, "homing-event-type")).toBe("webhook.test");
    await waitForState(client, (await deliveryOf(client, event_id)).id, "succeeded");
  });

  test("gets no attempt of a delivery that was cancelled, until somebody retries it", async () => {
    const { client } = installation();
    receiver.answerWith((_request, count) => ({ status: count === 1 ? 500 : 200 }));
    const policy = { delays_seconds: [LONG_SECONDS] };
    const { delivery } = await publishOne(client, { url: receiver.url, retry_policy: policy });
    await waitFor(async () => (await client.delivery(delivery.id)).attempts_total === 1, { what: "the first attempt" });
    expect(await client.cancel(delivery.id)).toMatchObject({ state: "cancelled", next_attempt_at: null });
    expect((await client.ask("POST", `/v1/deliveries/${delivery.id}/cancel`)).status).toBe(409);
    await client.retry(delivery.id);
    expect(await waitForState(client, delivery.id, "succeeded")).toMatchObject({ series: 2, attempts_total: 2 });
  });

  test("whose receiver answers 410 is disabled, with the reason, and its delivery has failed", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 410 }));
    const policy = { delays_seconds: [0.1, 0.1] };
    const { webhook, delivery } = await publishOne(client, { url: receiver.url, retry_policy: policy });
    expect(await waitForState(client, delivery.id, "failed")).toMatchObject({ attempts_total: 1 });
    const disabled = await waitFor(
      async () => {
        const now = await client.webhook(webhook.id);
        return now.state === "disabled" && now;
      },
      { what: "the webhook to be disabled" },
    );
    expect(disabled.disabled_reason).toContain("410");
    expect((await client.ask("POST", `/v1/deliveries/${delivery.id}/retry`)).status).toBe(409);
  });

  test("whose receiver asks for time with Retry-After gets it", async () => {
    const { client } = installation();
    receiver.answerWith((_request, count) =>
      count === 1 ? { status: 429, headers: { "retry-after": "1" } } : { status: 200 },
    );
    const policy = { delays_seconds: [0.05], jitter: 0 };
    const { delivery } = await publishOne(client, { url: receiver.url, retry_policy: policy });
    await waitForState(client, delivery.id, "succeeded");
    const [first, second] = receiver.requests;
    const waitedMs = Number(second?.at) - Number(first?.at);
    expect(waitedMs).toBeGreaterThanOrEqual(1_000);
    expect(waitedMs).toBeLessThan(4_000);
  });

  test("that wants a legacy signature gets it beside the standard one, and its own headers", async () => {
    const { client } = installation();
    const { webhook } = await publishOne(client, {
      url: receiver.url,
      signature_formats: ["theirstack", "kallima"],
      headers: { "x-tenant": "blue" },
    });
    const [request] = await receiver.waitForRequests(1);
    if (request === undefined) throw new Error("one request came");
    const hmac = (text: string) => createHmac("sha256", webhook.secret).update(text).update(request.body).digest("hex");
    verifyWithBoth(request, webhook.secret);
    const timestamp = headerOf(request, "webhook-timestamp");
    expect(headerOf(request, "x-theirstack-signature-256")).toBe(`sha256=${hmac("")}`);
    expect(headerOf(request, "kallima-signature")).toBe(`t=${timestamp},v1=${hmac(`${timestamp}.`)}`);
    expect(headerOf(request, "x-tenant")).toBe("blue");
    expect(headerOf(request, "x-b3os-signature")).toBe("");
  });
});

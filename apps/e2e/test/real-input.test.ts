import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import type { Attempt, Delivery, Published, Webhook } from "./client.js";
import { type GithubEvent, githubEvents } from "./github-events.js";
import { byWebhookId, headerOf, textsById, verifyWithBoth } from "./received.js";
import { useInstallation } from "./use-installation.js";
import { deliveryOf, waitForStates } from "./wait-for-deliveries.js";

const PUBLISHING_AT_ONCE = 16;
const TEST_MS_MAX = 60_000;

const FEW = ["issues.opened", "pull_request.*"];
const FAILING = ["release.*", "push", "deployment_status.created"];

const isForFew = ({ type }: GithubEvent) => type === "issues.opened" || type.startsWith("pull_request.");
const isForFailing = ({ type }: GithubEvent) =>
  type.startsWith("release.") || type === "push" || type === "deployment_status.created";

interface Endpoint {
  webhook: Webhook & { secret: string };
  receiver: TestReceiver;
}

describeOn(BACKENDS, "real GitHub events", (backend) => {
  const installation = useInstallation({ backend });
  const events = githubEvents();
  const published: { event: GithubEvent; answer: Published }[] = [];
  const receivers: TestReceiver[] = [];
  let few: Endpoint;
  let unsteady: Endpoint;
  let failing: Endpoint;

  async function endpoint(settings: object): Promise<Endpoint> {
    const receiver = await startReceiver();
    receivers.push(receiver);
    return { receiver, webhook: await installation().client.createWebhook({ url: receiver.url, ...settings }) };
  }

  beforeAll(async () => {
    few = await endpoint({ event_types: FEW });
    unsteady = await endpoint({ event_types: ["*"], retry_policy: { delays_seconds: [0.2, 0.2], jitter: 0 } });
    failing = await endpoint({ event_types: FAILING, retry_policy: { delays_seconds: [0.1, 0.1], jitter: 0 } });
    const seen = new Map<string, number>();
    unsteady.receiver.answerWith((request) => {
      const id = headerOf(request, "webhook-id");
      const count = (seen.get(id) ?? 0) + 1;
      seen.set(id, count);
      // It refuses the content: one that is down would be left alone by its circuit breaker.
      return { status: count <= 2 ? 422 : 200 };
    });
    failing.receiver.answerWith(() => ({ status: 422, body: "no" }));
  });
  afterAll(async () => {
    await Promise.all(receivers.map((receiver) => receiver.close()));
  });

  test(
    "each of them is accepted and says how many webhooks it is for",
    async () => {
      expect(events.length).toBeGreaterThanOrEqual(200);
      const waiting = [...events];
      await Promise.all(
        Array.from({ length: PUBLISHING_AT_ONCE }, async () => {
          for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
            published.push({ event, answer: await installation().client.publish(event.type, event.text) });
          }
        }),
      );
      const expected = published.map(({ event }) => 1 + Number(isForFew(event)) + Number(isForFailing(event)));
      expect(published.map(({ answer }) => answer.matched_webhooks)).toEqual(expected);
      expect(new Set(published.map(({ answer }) => answer.id)).size).toBe(events.length);
    },
    TEST_MS_MAX,
  );

  const chosen = (matches: (event: GithubEvent) => boolean) => published.filter(({ event }) => matches(event));

  test("a webhook with patterns gets the events that match, each once, as it was published, and nothing else", async () => {
    const wanted = chosen(isForFew);
    await waitForStates(installation().client, {
      webhookId: few.webhook.id,
      state: "succeeded",
      count: wanted.length,
    });
    expect(textsById(few.receiver.requests)).toEqual(expectedTexts(wanted, 1));
    for (const request of few.receiver.requests) verifyWithBoth(request, few.webhook.secret);
    expect(few.receiver.requests).toHaveLength(wanted.length);
  });

  test(
    "a receiver that fails twice gets each event a third time, the same bytes under the same id, signed anew",
    async () => {
      const { receiver, webhook } = unsteady;
      await waitForStates(
        installation().client,
        { webhookId: webhook.id, state: "succeeded", count: events.length },
        TEST_MS_MAX,
      );
      expect(textsById(receiver.requests)).toEqual(expectedTexts(published, 3));
      for (const request of receiver.requests) verifyWithBoth(request, webhook.secret);
      expect(receiver.requests).toHaveLength(3 * events.length);
    },
    TEST_MS_MAX,
  );

  test(
    "each attempt has its record: number, series, outcome, status and the very headers the receiver saw",
    async () => {
      const { client } = installation();
      const requests = byWebhookId(unsteady.receiver.requests);
      const deliveries = await client.deliveries({ webhook_id: unsteady.webhook.id });
      for (const delivery of deliveries) {
        const attempts = await client.attempts(delivery.id);
        expect(attempts.map(summary)).toEqual([
          { series: 1, number: 1, trigger: "automatic", outcome: "responded", response_status: 422 },
          { series: 1, number: 2, trigger: "automatic", outcome: "responded", response_status: 422 },
          { series: 1, number: 3, trigger: "automatic", outcome: "responded", response_status: 200 },
        ]);
        expect(delivery).toMatchObject({ series: 1, attempts_in_series: 3, attempts_total: 3, next_attempt_at: null });
        const seen = requests.get(delivery.event_id) ?? [];
        expect(attempts.map(signedHeaders)).toEqual(seen.map(({ headers }) => pickSigned(headers)));
        expect(seen.map((request) => headerOf(request, "homing-delivery-id"))).toEqual(Array(3).fill(delivery.id));
      }
    },
    TEST_MS_MAX,
  );

  test("a delivery whose schedule is used up has failed, with every attempt on record", async () => {
    const { client } = installation();
    const wanted = chosen(isForFailing);
    const failed = await waitForStates(client, {
      webhookId: failing.webhook.id,
      state: "failed",
      count: wanted.length,
    });
    expect(textsById(failing.receiver.requests)).toEqual(expectedTexts(wanted, 3));
    for (const delivery of failed) {
      expect(delivery).toMatchObject({
        series: 1,
        attempts_total: 3,
        last_response_status: 422,
        next_attempt_at: null,
      });
      expect((await client.attempts(delivery.id)).map(summary)).toEqual(
        [1, 2, 3].map((number) => automatic({ number, response_status: 422 })),
      );
    }
  });

  test("once its receiver is well, a failed delivery is retried as the same record, in series 2, and counts on", async () => {
    const { client } = installation();
    const { webhook, receiver } = failing;
    const failed = await client.deliveries({ webhook_id: webhook.id, state: "failed" });
    receiver.answerWith(() => ({ status: 200 }));
    receiver.requests.length = 0;
    const retried = await Promise.all(failed.map(({ id }) => client.retry(id)));
    expect(retried.map(({ id }) => id)).toEqual(failed.map(({ id }) => id));
    expect(retried.map(({ series }) => series)).toEqual(failed.map(() => 2));

    const wanted = { webhookId: webhook.id, state: "succeeded" as const, count: failed.length };
    const succeeded = await waitForStates(client, wanted);
    expect(succeeded.map(({ id }) => id).toSorted()).toEqual(failed.map(({ id }) => id).toSorted());
    for (const delivery of succeeded) await expectRetried(delivery);
    expect(textsById(receiver.requests)).toEqual(expectedTexts(chosen(isForFailing), 1));
    for (const request of receiver.requests) verifyWithBoth(request, webhook.secret);
  });

  async function expectRetried(delivery: Delivery): Promise<void> {
    expect(delivery).toMatchObject({ series: 2, attempts_in_series: 1, attempts_total: 4, last_response_status: 200 });
    const attempts = await installation().client.attempts(delivery.id);
    expect(attempts.map(summary)).toEqual([
      ...[1, 2, 3].map((number) => automatic({ number, response_status: 422 })),
      { series: 2, number: 1, trigger: "manual", outcome: "responded", response_status: 200 },
    ]);
  }

  test("an event that no other webhook wanted has one delivery", async () => {
    const [lonely] = published.filter(({ event }) => !isForFew(event) && !isForFailing(event));
    const delivery = await deliveryOf(installation().client, lonely?.answer.id ?? "");
    expect(delivery.webhook_id).toBe(unsteady.webhook.id);
  });
});

/** The same texts so many times under each event's id. */
function expectedTexts(wanted: { event: GithubEvent; answer: Published }[], times: number): Map<string, string[]> {
  return new Map(wanted.map(({ event, answer }) => [answer.id, Array(times).fill(event.text)]));
}

function summary({ series, number, trigger, outcome, response_status }: Attempt) {
  return { series, number, trigger, outcome, response_status };
}

function automatic(attempt: { number: number; response_status: number }) {
  return { series: 1, trigger: "automatic", outcome: "responded", ...attempt };
}

function signedHeaders({ request_headers }: Attempt) {
  return pickSigned(request_headers);
}

function pickSigned(headers: NodeJS.Dict<string | string[]>) {
  const names = [
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "user-agent",
    "homing-event-type",
    "homing-delivery-id",
  ];
  return Object.fromEntries(names.map((name) => [name, headers[name]]));
}

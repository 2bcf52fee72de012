import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import type { Answer, Delivery } from "./client.js";
import { createLatch } from "./latch.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

interface Contract {
  name: string;
  /** How this contract asks for one delivery again. */
  path: (delivery: Delivery) => string;
  body?: (delivery: Delivery & { number: number }) => object;
  /** What two retries at once are answered, in order of status. */
  statuses: number[];
}

const CONTRACTS: Contract[] = [
  {
    name: "TheirStack",
    path: () => "/v0/webhooks/events/retry",
    body: ({ number }) => ({ webhook_event_ids: [number] }),
    statuses: [200, 200],
  },
  { name: "Baanx", path: ({ event_id }) => `/v1/webhooks/events/${event_id}/retry`, statuses: [200, 200] },
  { name: "Kallima", path: ({ id }) => `/v1/webhook_deliveries/${id}/retry`, statuses: [200, 409] },
  { name: "B3OS", path: ({ id }) => `/v1/execution-webhooks/deliveries/${id}/retry`, statuses: [200, 400] },
];

describeOn(BACKENDS, "two retries at once, as each contract tells them", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test.each(CONTRACTS)("$name: $statuses, and one attempt", async ({ path, body, statuses }) => {
    const { client } = installation();
    receiver.requests.length = 0;
    receiver.answerWith(() => ({ status: 500 }));
    const { id } = (await publishOne(client, { url: receiver.url })).delivery;
    await waitForState(client, id, "failed");
    const delivery = JSON.parse((await client.ask("GET", `/v1/deliveries/${id}`)).text);

    const latch = createLatch();
    receiver.answerWith(async () => {
      await latch.released;
      return { status: 200 };
    });
    const asked = body ? { body: body(delivery) } : {};
    const retry = (): Promise<Answer> => client.ask("POST", path(delivery), asked);
    const answers = Promise.all([retry(), retry()]);
    await receiver.waitForRequests(2);
    latch.release();
    expect((await answers).map(({ status }) => status).toSorted((one, other) => one - other)).toEqual(statuses);
    expect(await waitForState(client, id, "succeeded")).toMatchObject({ series: 2, attempts_total: 2 });
    expect(receiver.requests).toHaveLength(2);
  });
});

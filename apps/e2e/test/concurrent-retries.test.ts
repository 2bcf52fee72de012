import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { freePort } from "@homing/local/free-port";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { createLatch } from "./latch.js";
import { preparePosts } from "./prepare-posts.js";
import { publishOne } from "./publish-one.js";
import { startTcpGate } from "./tcp-gate.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const RETRIES = 100;

describeOn(BACKENDS, `${RETRIES} retries of one failed delivery at the same time`, (backend) => {
  const installation = useInstallation({ backend, workers: 2 });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  describe.each([
    { pace: "slow", answer: { status: 200, delayMs: 1_500 } },
    { pace: "instant", answer: { status: 200 } },
  ])("to a receiver that is $pace", ({ answer }) => {
    test("are all told that it is queued, and make one attempt", async () => {
      const { client } = installation();
      const id = await failOne();
      receiver.answerWith(() => answer);
      const send = await preparePosts({ ...installation(), path: `/v1/deliveries/${id}/retry`, times: RETRIES });
      const answers = await send();
      expect(answers.map(({ status }) => status)).toEqual(Array(RETRIES).fill(202));
      expect(new Set(answers.map(({ text }) => JSON.parse(text).series))).toEqual(new Set([2]));

      const succeeded = await waitForState(client, id, "succeeded");
      expect(succeeded).toMatchObject({ series: 2, attempts_in_series: 1, attempts_total: 2 });
      expect(receiver.requests).toHaveLength(2);
      const attempts = await client.attempts(id);
      expect(attempts.map(({ series, number, trigger }) => ({ series, number, trigger }))).toEqual([
        { series: 1, number: 1, trigger: "automatic" },
        { series: 2, number: 1, trigger: "manual" },
      ]);
    });
  });
  test("that came in before an attempt ended are answered by it, though they reach the database after it", async () => {
    const { client, databaseUrl, key } = installation();
    const gate = await startTcpGate(Number(new URL(databaseUrl).port));
    const port = await freePort();
    await installation().startApi({ port, env: { DATABASE_URL: withPort(databaseUrl, gate.port) } });
    const url = `http://127.0.0.1:${port}`;
    const id = await failOne();
    const latch = createLatch();
    receiver.answerWith(async () => {
      await latch.released;
      return { status: 200 };
    });
    await client.retry(id);
    await receiver.waitForRequests(2);

    const send = await preparePosts({ url, key, path: `/v1/deliveries/${id}/retry`, times: RETRIES });
    gate.shut();
    const answers = send();
    // What arrived before a request that has been answered has been read.
    for (const path of ["/livez", "/livez", "/livez"]) expect((await fetch(url + path)).status).toBe(200);
    latch.release();
    await waitForState(client, id, "succeeded");
    gate.open();
    expect((await answers).map(({ status }) => status)).toEqual(Array(RETRIES).fill(202));
    expect(await client.delivery(id)).toMatchObject({ state: "succeeded", series: 2, attempts_total: 2 });
    expect(receiver.requests).toHaveLength(2);
    await gate.close();
  });

  /** @returns the id of a delivery whose only attempt failed */
  async function failOne(): Promise<string> {
    receiver.answerWith(() => ({ status: 500 }));
    receiver.requests.length = 0;
    const { delivery } = await publishOne(installation().client, { url: receiver.url });
    await waitForState(installation().client, delivery.id, "failed");
    expect(receiver.requests).toHaveLength(1);
    return delivery.id;
  }
});

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

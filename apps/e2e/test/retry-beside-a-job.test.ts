import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { BACKENDS, describeOn } from "./backends.js";
import { jobsAskedFor } from "./board.js";
import { type HoldableWorker, startHoldableWorker } from "./hold-jobs.js";
import { createLatch } from "./latch.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

describeOn(BACKENDS, "a manual retry", (backend) => {
  const installation = useInstallation({ backend, workers: 0 });
  let receiver: TestReceiver;
  let worker: HoldableWorker;

  beforeAll(async () => {
    receiver = await startReceiver();
    worker = await startHoldableWorker(installation());
  });
  afterAll(async () => {
    await worker.close();
    await receiver.close();
  });
  beforeEach(() => {
    receiver.requests.length = 0;
  });

  test("is carried out though BullMQ still keeps the finished job of the attempt before", async () => {
    const { client } = installation();
    receiver.answerWith(() => ({ status: 500 }));
    const { id } = (await publishOne(client, { url: receiver.url })).delivery;
    await waitForState(client, id, "failed");
    await waitFor(async () => (await jobsAskedFor(installation(), "completed")).includes(`${id}-1-1`), {
      what: "the finished job on the board",
    });
    receiver.answerWith(() => ({ status: 200 }));
    expect((await client.retry(id)).series).toBe(2);
    expect(await waitForState(client, id, "succeeded", 5_000)).toMatchObject({ attempts_total: 2 });
    expect(receiver.requests).toHaveLength(2);
    expect(await jobsAskedFor(installation(), "completed")).toContain(`${id}-1-1`);
  });

  test("is carried out though the job of the attempt before is still active in BullMQ", async () => {
    const { client } = installation();
    const answers = createLatch();
    receiver.answerWith(async (_request, count) => {
      if (count === 1) await answers.released;
      return { status: count === 1 ? 500 : 200 };
    });
    const { id } = (await publishOne(client, { url: receiver.url })).delivery;
    await receiver.waitForRequests(1);
    await worker.whileActive(id, async () => {
      answers.release();
      await waitForState(client, id, "failed");
      expect((await client.retry(id)).series).toBe(2);
      expect(await jobsAskedFor(installation(), "active")).toContain(`${id}-1-1`);
    });
    expect(await waitForState(client, id, "succeeded", 5_000)).toMatchObject({ series: 2, attempts_total: 2 });
    expect(receiver.requests).toHaveLength(2);
  });

  test("of a delivery that is being sent answers as queued and adds no attempt", async () => {
    const { client } = installation();
    const answers = createLatch();
    receiver.answerWith(async () => {
      await answers.released;
      return { status: 200 };
    });
    const { id } = (await publishOne(client, { url: receiver.url })).delivery;
    await receiver.waitForRequests(1);
    expect(await client.retry(id)).toMatchObject({ state: "in_flight", series: 1 });
    answers.release();
    expect(await waitForState(client, id, "succeeded", 5_000)).toMatchObject({ series: 1, attempts_total: 1 });
    expect(receiver.requests).toHaveLength(1);
  });
});

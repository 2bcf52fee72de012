import { freePort } from "@homing/local/free-port";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BACKENDS, describeOn } from "./backends.js";
import { createClient } from "./client.js";
import type { HomingProcess } from "./homing-process.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const OFF = { DELIVERY_ENABLED: "false" };

describeOn(BACKENDS, "while delivery is switched off", (backend) => {
  const installation = useInstallation({ backend, apiEnv: OFF, workerEnv: OFF });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test("the worker is ready, says what it does not do, and sends nothing until delivery is back", async () => {
    const { client, db, key, workers } = installation();
    const [worker] = workers;
    if (worker === undefined) throw new Error("no worker");
    expect(worker.log()).toContain("delivery.switched_off");
    expect(await readiness(worker)).toMatchObject({ status: "ready", delivery: "switched_off" });

    const waiting = await publishOne(client, { url: receiver.url });
    expect((await client.ask("POST", `/v1/deliveries/${waiting.delivery.id}/retry`)).status).toBe(503);
    // An API that was not told hands its hint to the queue, where nobody takes it.
    const port = await freePort();
    await installation().startApi({ port, env: { DELIVERY_ENABLED: "true" } });
    const hinted = await publishOne(createClient(`http://127.0.0.1:${port}`, key), { url: receiver.url });
    // The patience with its hint, which was never handed over, runs out.
    await db.delivery.updateMany({ where: { id: waiting.delivery.id }, data: { relayAt: new Date(0) } });
    // A worker that sends would have sent both by the time of its orderly stop.
    worker.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(receiver.requests).toHaveLength(0);

    const back = await installation().startWorker({ DELIVERY_ENABLED: "true" });
    expect(await readiness(back)).toMatchObject({ status: "ready", delivery: "on" });
    for (const { delivery } of [waiting, hinted]) {
      expect(await waitForState(client, delivery.id, "succeeded")).toMatchObject({ attempts_total: 1 });
    }
    expect(receiver.requests).toHaveLength(2);
  });
});

/** What `/readyz` of a worker says; its log names the port. */
async function readiness(worker: HomingProcess): Promise<unknown> {
  const port = await waitFor(() => /"health_port":(\d+)/.exec(worker.log())?.[1], { what: "the health port" });
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  return answer.json();
}

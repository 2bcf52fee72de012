import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Context } from "@homing/core/context";
import { createAttempts } from "@homing/core/deliveries/attempt";
import { attemptsMax } from "@homing/core/lanes/aside";
import { createDeliveryWorker, type DeliveryWorker, type DeliveryWorkerOptions } from "@homing/queue/worker";
import { createDeliver } from "./deliver.js";
import { startLeases } from "./leases.js";
import { type RelayParts, startRelay } from "./relay.js";

/** How soon a request that takes long is noticed. */
const SWEEP_PAUSE_MS = 250;
/** Left of the grace period for recording what a stop cut off. */
const RECORDING_MS = 3_000;
/** For telling the queue that the last jobs are done. */
const COMPLETING_MS = 1_500;

/** All that sends: the jobs and the relay. */
export interface Delivery {
  /** Takes no more jobs and gives those under way nearly all of the grace period. */
  stopJobs(graceMs: number): Promise<void>;
  stopRelay(): Promise<void>;
}

/** Begins to take jobs and to hand over what is due. */
export async function startDelivery(
  context: Context,
  relayed: Omit<RelayParts, "attempts">,
  options: Pick<DeliveryWorkerOptions, "databaseUrl" | "redisUrl" | "concurrency" | "onError"> & {
    isIsolating: boolean;
  },
): Promise<Delivery> {
  const { log } = context;
  const { isIsolating, ...connection } = options;
  const cutOff = new AbortController();
  // Each attempt under way listens to it.
  setMaxListeners(attemptsMax(connection.concurrency), cutOff.signal);
  const attempts = createAttempts(context, { signal: cutOff.signal, slots: connection.concurrency, isIsolating });
  const deliver = createDeliver({ attempts, log });
  const worker = createDeliveryWorker({
    ...connection,
    process: deliver.run,
    onFailed: ({ jobId, error }) => log.error({ err: error, job_id: jobId }, "job.failed"),
  });
  const sweep = setInterval(() => attempts.sweep(), SWEEP_PAUSE_MS);
  const leases = startLeases({ attempts, log });
  await worker.start();
  const relay = startRelay(context, { ...relayed, attempts });
  return {
    async stopJobs(graceMs) {
      const timer = setTimeout(() => cutOff.abort(), Math.max(0, graceMs - RECORDING_MS));
      await closeWorker(worker, deliver.idle);
      clearTimeout(timer);
      clearInterval(sweep);
      await leases.stop();
    },
    stopRelay: () => relay.stop(),
  };
}

/** Waits for the jobs under way; then for the queue's word that they are done, unless the queue is away. */
async function closeWorker(worker: DeliveryWorker, jobsDone: () => Promise<void>): Promise<void> {
  const closed = worker.close().then(() => true);
  await Promise.race([closed, jobsDone()]);
  const isClosed = await Promise.race([closed, wait(COMPLETING_MS, false, { ref: false })]);
  if (!isClosed) await worker.closeNow();
}

import { setTimeout as sleep } from "node:timers/promises";
import { createPostgresBackend, createRedisBackend, type Job } from "bullmq";
import { chooseBackend, postgresConnection, type QueueConnectionOptions } from "./connection.js";
import { DELIVERY_QUEUE } from "./delivery-job.js";
import { createProcessor, type ProcessHint, slotsOf } from "./processor.js";
import { connectRedis, disconnectRedis, REDIS_PREFIX } from "./redis.js";
import type { RedisTarget } from "./redis-url.js";
import { SlotWorker } from "./slot-worker.js";
import { createSlots, type Slots } from "./slots.js";
import { watchStalledCheck } from "./stalled-check.js";

// A killed worker's job is run again after at most one lock and two intervals, 14 s: BullMQ lets one check through per
// interval, measured from the last, so a timer that fires a millisecond early costs its worker a whole one.
const LOCK_MS = 10_000;
const LOCK_RENEW_MS = LOCK_MS / 2;
const STALLED_INTERVAL_MS = 2_000;
// How often a job may lose its worker is decided by the claims in Postgres, not here.
const STALLED_COUNT_MAX = 1_000;
const IDLE_WAIT_SECONDS_REDIS = 5;
// Notifications wake an idle worker on Postgres; looking again in vain costs four statements.
const IDLE_WAIT_SECONDS_POSTGRES = 15;
const RETRY_AFTER_ERROR_MS = 1_000;
/** Finished jobs that are kept for Bull Board. */
const COMPLETED_KEPT_MAX = 100;
const FAILED_KEPT_MAX = 1_000;
const CLOSE_NOW_MS_MAX = 1_000;

export interface DeliveryWorkerOptions extends QueueConnectionOptions {
  /** Hints under way at once in this process, beside those that gave their slot back. */
  concurrency: number;
  /** Runs one hint. May run twice for one, also at once, when a worker is thought dead. A throw fails its job, when the others of it have ended. */
  process: ProcessHint;
  /** Lost connections, lost locks and the like; limit what is logged. */
  onError: (error: Error) => void;
  /** A job that threw, or whose data were invalid (then `data` is not a DeliveryJob). */
  onFailed?: (failure: { jobId: string; data: unknown; error: Error }) => void;
}

export interface DeliveryWorker {
  /**
   * Begins to take jobs. On Redis it waits in the background for as long as Redis is away.
   * @throws when Postgres is away or its queue schema is missing (see migrateQueue)
   */
  start(): Promise<void>;
  /** Takes no more jobs and waits for those under way. */
  close(): Promise<void>;
  /** Lets go of everything at once, also while close() waits: jobs under way are run again by another worker. */
  closeNow(): Promise<void>;
  isRunning(): boolean;
}

/**
 * Opens the consumer's end; nothing is taken before start().
 * @throws RedisUrlError
 */
export function createDeliveryWorker(options: DeliveryWorkerOptions): DeliveryWorker {
  const backend = chooseBackend(options);
  switch (backend.kind) {
    case "redis":
      return openOnRedis(backend.target, options);
    case "postgres":
      return openOnPostgres(backend.databaseUrl, options);
  }
}

function openOnRedis(target: RedisTarget, options: DeliveryWorkerOptions): DeliveryWorker {
  const client = connectRedis(target, "worker");
  const slots = createSlots(options.concurrency);
  const worker = new SlotWorker(
    DELIVERY_QUEUE,
    createProcessor(options.process, slots),
    {
      ...workerOptions(slots),
      connection: client,
      prefix: REDIS_PREFIX,
      isWokenByTake: true,
      drainDelay: IDLE_WAIT_SECONDS_REDIS,
    },
    createRedisBackend,
  );
  worker.on("error", options.onError);
  worker.on("failed", (job, error) => reportFailure(options, job, error));
  return operations(worker, {
    onError: options.onError,
    untilReady: () => Promise.resolve(),
    disconnect: () => disconnectRedis(client),
  });
}

function openOnPostgres(databaseUrl: string, options: DeliveryWorkerOptions): DeliveryWorker {
  const slots = createSlots(options.concurrency);
  const worker = new SlotWorker(
    DELIVERY_QUEUE,
    createProcessor(options.process, slots),
    {
      ...workerOptions(slots),
      connection: postgresConnection(databaseUrl, "worker"),
      isWokenByTake: false,
      drainDelay: IDLE_WAIT_SECONDS_POSTGRES,
    },
    createPostgresBackend,
  );
  worker.on("error", options.onError);
  worker.on("failed", (job, error) => reportFailure(options, job, error));
  const { onError } = options;
  let unwatch = (): void => undefined;
  return operations(worker, {
    onError,
    async untilReady() {
      await worker.waitUntilReady();
      const { pool } = worker.getBackend().connection;
      unwatch = watchStalledCheck({ query: (text, values) => pool.query(text, values), onError });
    },
    async disconnect() {
      unwatch();
    },
  });
}

function workerOptions(slots: Slots) {
  return {
    autorun: false,
    slots,
    slotsOf,
    removeOnComplete: { count: COMPLETED_KEPT_MAX },
    removeOnFail: { count: FAILED_KEPT_MAX },
    lockDuration: LOCK_MS,
    lockRenewTime: LOCK_RENEW_MS,
    stalledInterval: STALLED_INTERVAL_MS,
    maxStalledCount: STALLED_COUNT_MAX,
    runRetryDelay: RETRY_AFTER_ERROR_MS,
  };
}

function reportFailure(options: DeliveryWorkerOptions, job: Job<unknown> | undefined, error: Error): void {
  options.onFailed?.({ jobId: job?.id ?? "", data: job?.data, error });
}

/** The part of a BullMQ worker that is the same on both backends. */
interface BullWorker {
  run(): Promise<void>;
  close(force?: boolean): Promise<void>;
  isRunning(): boolean;
  getBackend(): { close(force?: boolean): Promise<void>; disconnectBlocking(wait?: boolean): Promise<void> };
}

function operations(
  worker: BullWorker,
  {
    onError,
    untilReady,
    disconnect,
  }: {
    onError: (error: Error) => void;
    untilReady: () => Promise<void>;
    disconnect: () => Promise<void>;
  },
): DeliveryWorker {
  return {
    async start() {
      await untilReady();
      worker.run().catch(onError);
    },
    async close() {
      await worker.close();
      await disconnect();
    },
    async closeNow() {
      // A graceful close that is under way cannot be hurried: it ends by itself once its connections are gone.
      void worker.close(true);
      const backend = worker.getBackend();
      const ends = [disconnect(), backend.close(true), backend.disconnectBlocking(false)];
      // A connection that never came up does not settle.
      await Promise.race([Promise.allSettled(ends), sleep(CLOSE_NOW_MS_MAX, undefined, { ref: false })]);
    },
    isRunning: () => worker.isRunning(),
  };
}

import { createPostgresBackend, Queue, withBackend } from "bullmq";
import { chooseBackend, postgresConnection, type QueueConnectionOptions } from "./connection.js";
import { DELIVERY_QUEUE, type DeliveryJob, jobName } from "./delivery-job.js";
import { connectRedis, disconnectRedis, isReadyWithin, REDIS_PREFIX, type RedisClient } from "./redis.js";
import type { RedisTarget } from "./redis-url.js";

const JOBS_PER_BATCH_MAX = 1_000;
const EVENTS_KEPT_MAX = 1_000;
const FIRST_CONNECT_MS_MAX = 2_000;
const EPOCH_KEY = `${REDIS_PREFIX}:epoch`;
const JOB_NAME = "attempt";

/** "Look at these deliveries", now or in `delayMs`. */
export interface NewJob extends DeliveryJob {
  delayMs: number;
  /** After all with less, whenever they come; 0 unless told. */
  priority?: number;
}

/** Jobs that no worker has yet. */
export interface QueueDepth {
  waiting: number;
  /** For their time. */
  delayed: number;
}

export interface DeliveryQueue {
  /**
   * Hands over jobs. One is dropped while another of its name (see jobName) waits or runs; once that has finished, well or
   * not, it is taken again, so a hint can always be repeated.
   * @throws within seconds when the backend is away; some of the jobs may then have been taken
   */
  enqueue: (jobs: readonly NewJob[]) => Promise<void>;
  /** Running jobs do not count. */
  depth: () => Promise<QueueDepth>;
  /**
   * When this Redis first saw Homing, in ms: `nowMs` on a new, flushed or replaced one, so a change means that all hints
   * are gone. Always 0 on Postgres, which loses none.
   */
  epoch(nowMs: number): Promise<number>;
  /** @throws when the backend does not answer */
  ping(): Promise<void>;
  /** Waits for jobs that are being handed over. */
  close(): Promise<void>;
  /** For Bull Board. */
  readonly bullQueue: Queue;
}

export interface DeliveryQueueOptions extends QueueConnectionOptions {
  /** Lost connections and the like; called once an attempt, so limit what is logged. */
  onError: (error: Error) => void;
}

/**
 * Opens the producer's end. A Redis that is away is no error here: hints are refused until it comes.
 * @throws when Postgres is away or its queue schema is missing (see migrateQueue), RedisUrlError
 */
export async function createDeliveryQueue(options: DeliveryQueueOptions): Promise<DeliveryQueue> {
  const backend = chooseBackend(options);
  switch (backend.kind) {
    case "redis":
      return openOnRedis(backend.target, options.onError);
    case "postgres":
      return openOnPostgres(backend.databaseUrl, options.onError);
  }
}

async function openOnRedis(target: RedisTarget, onError: (error: Error) => void): Promise<DeliveryQueue> {
  const client = connectRedis(target, "producer");
  client.on("error", onError);
  await isReadyWithin(client, FIRST_CONNECT_MS_MAX);
  const queue = new Queue(DELIVERY_QUEUE, {
    ...queueOptions,
    connection: client,
    prefix: REDIS_PREFIX,
    // With these BullMQ sends nothing before the first hint, so a Redis that is away now can come later.
    skipWaitingForReady: true,
    skipVersionCheck: true,
  });
  client.off("error", onError);
  queue.on("error", onError);
  const shared = operations(queue);
  return {
    ...shared,
    async epoch(nowMs) {
      const epochMs = await readEpoch(client, nowMs);
      // A new Redis does not know the queue's settings yet.
      if (epochMs === nowMs) await queue.getBackend().setQueueMeta(queue.metaValues);
      return epochMs;
    },
    async ping() {
      await client.ping();
    },
    async close() {
      await shared.close();
      await disconnectRedis(client);
    },
  };
}

async function openOnPostgres(databaseUrl: string, onError: (error: Error) => void): Promise<DeliveryQueue> {
  const onPostgres = withBackend(createPostgresBackend);
  const queue = new onPostgres.Queue(DELIVERY_QUEUE, {
    ...queueOptions,
    connection: postgresConnection(databaseUrl, "producer"),
  });
  queue.on("error", onError);
  try {
    await queue.waitUntilReady();
  } catch (error) {
    await queue.close();
    throw error;
  }
  return {
    ...operations(withoutBackendType(queue)),
    epoch: () => Promise.resolve(0),
    async ping() {
      await queue.getBackend().connection.pool.query("SELECT 1");
    },
  };
}

// How many finished jobs are kept, the worker says: a job's own options would cost Redis 60 bytes each. A job is attempted once.
const queueOptions = { streams: { events: { maxLen: EVENTS_KEPT_MAX } } };

function operations(queue: Queue): Pick<DeliveryQueue, "enqueue" | "depth" | "bullQueue" | "close"> {
  const underWay = new Set<Promise<void>>();

  async function addAll(newJobs: readonly NewJob[]): Promise<void> {
    const jobs = newJobs.map(toJob);
    const [only] = jobs;
    if (only !== undefined && jobs.length === 1) {
      // Below saturation most are alone, and `addBulk` costs half as much again for a pipeline of one.
      await queue.add(only.name, only.data, only.opts);
      return;
    }
    for (let start = 0; start < jobs.length; start += JOBS_PER_BATCH_MAX) {
      await queue.addBulk(jobs.slice(start, start + JOBS_PER_BATCH_MAX));
    }
  }

  return {
    async enqueue(jobs) {
      // Once it is closed, BullMQ's Postgres backend neither sends nor refuses: it never answers.
      if (queue.closing) throw new Error("the delivery queue is closed");
      const adding = addAll(jobs);
      underWay.add(adding);
      await adding.finally(() => underWay.delete(adding));
    },
    async close() {
      await Promise.allSettled(underWay);
      await queue.close();
    },
    async depth() {
      const {
        waiting = 0,
        prioritized = 0,
        delayed = 0,
      } = await queue.getJobCounts("waiting", "prioritized", "delayed");
      return { waiting: waiting + prioritized, delayed };
    },
    bullQueue: queue,
  };
}

function toJob({ hints, delayMs, priority = 0 }: NewJob) {
  const data = { hints } satisfies DeliveryJob;
  return {
    name: JOB_NAME,
    data,
    opts: {
      delay: Math.max(0, Math.ceil(delayMs)),
      priority,
      // Not the job's id: a job that is kept for show after it finished would then swallow the next hint of that name.
      // A pull takes each delivery once, and maybe while the job that parked it still ends: there is nothing to leave out.
      ...(!hints.some(({ isPulled }) => isPulled) && { deduplication: { id: jobName(data) } }),
    },
  };
}

async function readEpoch(client: RedisClient, nowMs: number): Promise<number> {
  await client.set(EPOCH_KEY, nowMs, "NX");
  const epochMs = Number(await client.get(EPOCH_KEY));
  if (!Number.isSafeInteger(epochMs) || epochMs <= 0) throw new Error(`${EPOCH_KEY} holds no time`);
  return epochMs;
}

/** The backend is a type parameter only: the queues of both are one class, with the methods that Bull Board calls. */
function withoutBackendType(queue: object): Queue {
  if (!(queue instanceof Queue)) throw new Error("BullMQ's Postgres queue is not a Queue");
  return queue;
}

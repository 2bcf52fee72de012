import { Queue } from "bullmq";
import { Redis } from "ioredis";

export const NAIVE_QUEUE = "naive";
export const NAIVE_PREFIX = "{naive}";
/** Of the database and of each other process: the usual sizes. */
export const CONNECTIONS_MAX = 10;

export interface NaiveJob {
  deliveryId: string;
}

export function connect(redisUrl: string): Redis {
  return new Redis(redisUrl, { maxRetriesPerRequest: null });
}

export function openNaiveQueue(redisUrl: string): Queue<NaiveJob> {
  return new Queue(NAIVE_QUEUE, {
    connection: connect(redisUrl),
    prefix: NAIVE_PREFIX,
    defaultJobOptions: { removeOnComplete: { count: 100 }, removeOnFail: { count: 1_000 }, attempts: 1 },
  });
}

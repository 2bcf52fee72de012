import type { Database } from "@homing/db/client";
import { Queue, Worker } from "bullmq";
import got from "got";
import { Redis } from "ioredis";
import { v7 as uuidv7 } from "uuid";

const AT_ONCE = 200;
const JOBS_PER_COMMAND = 500;
const MEASURED_PART = 0.8;
const ROWS_PER_STATEMENT = 500;
const PAYLOAD = JSON.stringify({ filling: "x".repeat(1_000) });

/** What BullMQ works of jobs that do nothing, in one process. @returns jobs a second */
export async function countJobs(redisUrl: string, count: number): Promise<number> {
  const options = { prefix: "{floor}" };
  const measured = Math.floor(count * MEASURED_PART);
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue("floor", { ...options, connection, defaultJobOptions: { removeOnComplete: { count: 100 } } });
  for (let added = 0; added < count; added += JOBS_PER_COMMAND) {
    await queue.addBulk(Array.from({ length: JOBS_PER_COMMAND }, () => ({ name: "job", data: { id: uuidv7() } })));
  }
  let startedAtMs = performance.now();
  let left = count;
  let worker: Worker | undefined;
  await new Promise<void>((resolve) => {
    const work = async (): Promise<void> => {
      left -= 1;
      // What it does first is slower, and says nothing.
      if (left === measured) startedAtMs = performance.now();
      if (left === 0) resolve();
    };
    const blocking = new Redis(redisUrl, { maxRetriesPerRequest: null });
    worker = new Worker("floor", work, { ...options, connection: blocking, concurrency: AT_ONCE });
  });
  const perSecond = (measured * 1_000) / (performance.now() - startedAtMs);
  await worker?.close();
  await queue.close();
  return perSecond;
}

/** What got's promise API sends, `AT_ONCE` requests at a time. @returns requests a second */
export async function countRequests(url: string, count: number): Promise<number> {
  const startedAtMs = performance.now();
  let left = count;
  const sendSome = async (): Promise<void> => {
    while (left-- > 0)
      await got.post(url, { body: PAYLOAD, retry: { limit: 0 }, headers: { "content-type": "application/json" } });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
  return (count * 1_000) / (performance.now() - startedAtMs);
}

/** What Postgres takes of bare events in large statements. @returns rows a second */
export async function countInserts(db: Database, count: number): Promise<number> {
  const organizationId = uuidv7();
  const startedAtMs = performance.now();
  for (let inserted = 0; inserted < count; inserted += ROWS_PER_STATEMENT) {
    const ids = Array.from({ length: ROWS_PER_STATEMENT }, () => uuidv7());
    await db.$executeRaw`
      INSERT INTO events (id, organization_id, type, payload, occurred_at, matched_webhooks)
      SELECT id, ${organizationId}::uuid, 'bench.floor', ${PAYLOAD}, now(), 0 FROM unnest(${ids}::uuid[]) AS t (id)`;
  }
  const perSecond = (count * 1_000) / (performance.now() - startedAtMs);
  await db.$disconnect();
  return perSecond;
}

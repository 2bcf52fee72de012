import { setMaxListeners } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Context } from "@homing/core/context";
import { createAttempts } from "@homing/core/deliveries/attempt";
import { USER_AGENT } from "@homing/core/deliveries/sign";
import { createDatabase } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { createAddressPolicy } from "@homing/egress/address-policy";
import { createUrlCheck } from "@homing/egress/check-url";
import { createSend } from "@homing/egress/send";
import { createDeliveryQueue } from "@homing/queue/queue";
import { createDeliveryWorker, type DeliveryWorker } from "@homing/queue/worker";
import { failStart, type Lifecycle, runService } from "@homing/runtime/lifecycle";
import { logSeldom } from "@homing/runtime/log-seldom";
import { createLogger, type Logger } from "@homing/runtime/logger";
import { asStartError, StartError } from "@homing/runtime/start-error";
import { createSealer, parseEncryptionKeys } from "@homing/signature/sealing";
import { type Config, readConfig } from "./config.js";
import { createDeliver } from "./deliver.js";
import { startHealth } from "./health.js";
import { startMaintenance } from "./maintenance.js";
import { startRelay } from "./relay.js";

const NAME = "homing-worker";
const CONNECTIONS_MAX = 10;
/** Left of the grace period for recording what a stop cut off. */
const RECORDING_MS = 3_000;
/** For telling the queue that the last jobs are done. */
const COMPLETING_MS = 1_500;

async function start(config: Config, log: Logger, { onStop }: Lifecycle): Promise<void> {
  const connection = {
    databaseUrl: config.databaseUrl,
    ...(config.redisUrl !== null && { redisUrl: config.redisUrl }),
  };
  const onError = logSeldom(log, "queue.error");

  const db = createDatabase({ url: config.databaseUrl, connectionsMax: CONNECTIONS_MAX, applicationName: NAME });
  onStop("database", () => db.$disconnect());
  const reached = await reachDatabase(db, config.databaseUrl);
  if (!reached.ok) throw new StartError(reached.reason);
  const queue = await asStartError("queue", () => createDeliveryQueue({ ...connection, onError }));
  onStop("queue", () => queue.close());
  const health = await startHealth(config.health, {
    database: () => db.$queryRaw`SELECT 1`,
    queue: () => queue.ping(),
  });
  onStop("health", () => health.close());
  const policy = await asStartError("EGRESS_ALLOW", () => createAddressPolicy({ allow: config.egressAllow }));
  const sender = createSend({ policy, userAgent: USER_AGENT, connectionsMax: config.concurrency });
  onStop("sender", () => sender.close());

  const context: Context = {
    db,
    log,
    sealer: await asStartError("HOMING_ENCRYPTION_KEYS", () =>
      createSealer(parseEncryptionKeys(config.encryptionKeys)),
    ),
    checkUrl: createUrlCheck({ policy }),
    send: sender.send,
    enqueue: queue.enqueue,
    random: Math.random,
  };
  const cutOff = new AbortController();
  // Each attempt under way listens to it.
  setMaxListeners(config.concurrency, cutOff.signal);
  const attempts = createAttempts(context, { signal: cutOff.signal });
  const deliver = createDeliver({ attempts, log });
  const worker = createDeliveryWorker({
    ...connection,
    concurrency: config.concurrency,
    process: deliver.run,
    onError,
    onFailed: ({ jobId, error }) => log.error({ err: error, job_id: jobId }, "job.failed"),
  });
  const relay = startRelay(context, queue);
  onStop("relay", () => relay.stop());
  const maintenance = startMaintenance(context, { retentionMs: config.retentionMs });
  onStop("maintenance", () => maintenance.stop());
  await worker.start();
  // The first to stop, with the whole grace period before it: the requests that are out need it.
  onStop("worker", async () => {
    health.drain();
    const timer = setTimeout(() => cutOff.abort(), Math.max(0, config.shutdownGraceMs - RECORDING_MS));
    await closeWorker(worker, deliver.idle);
    clearTimeout(timer);
  });
  log.info({ health_port: health.port, concurrency: config.concurrency }, "worker.started");
}

/** Waits for the jobs under way; then for the queue's word that they are done, unless the queue is away. */
async function closeWorker(worker: DeliveryWorker, jobsDone: () => Promise<void>): Promise<void> {
  const closed = worker.close().then(() => true);
  await Promise.race([closed, jobsDone()]);
  const isClosed = await Promise.race([closed, wait(COMPLETING_MS, false, { ref: false })]);
  if (!isClosed) await worker.closeNow();
}

try {
  const config = readConfig();
  const log = createLogger({ service: NAME, level: config.logLevel });
  runService({
    name: NAME,
    log,
    graceMs: config.shutdownGraceMs,
    start: (lifecycle) => start(config, log, lifecycle),
  });
} catch (error) {
  failStart(NAME, error);
}

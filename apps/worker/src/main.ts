import { setMaxListeners } from "node:events";
import type { Context } from "@homing/core/context";
import { createAttempts } from "@homing/core/deliveries/attempt";
import { createDatabase } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { createAddressPolicy } from "@homing/egress/address-policy";
import { createUrlCheck } from "@homing/egress/check-url";
import { createSend } from "@homing/egress/send";
import { createDeliveryQueue } from "@homing/queue/queue";
import { createDeliveryWorker } from "@homing/queue/worker";
import { failStart, type Lifecycle, runService } from "@homing/runtime/lifecycle";
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
const USER_AGENT = "Homing/0.1";
/** Left of the grace period for recording what a stop cut off. */
const RECORDING_MS = 3_000;

async function start(config: Config, log: Logger, { onStop }: Lifecycle): Promise<void> {
  const connection = {
    databaseUrl: config.databaseUrl,
    ...(config.redisUrl !== null && { redisUrl: config.redisUrl }),
  };
  const onError = (error: Error) => log.warn({ err: error }, "queue.error");

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
  const worker = createDeliveryWorker({
    ...connection,
    concurrency: config.concurrency,
    process: createDeliver({ attempts, log }),
    onError,
    onFailed: ({ jobId, error }) => log.error({ err: error, job_id: jobId }, "job.failed"),
  });
  onStop("worker", async () => {
    const timer = setTimeout(() => cutOff.abort(), Math.max(0, config.shutdownGraceMs - RECORDING_MS));
    await worker.close();
    clearTimeout(timer);
  });
  await worker.start();

  const relay = startRelay(context, queue);
  onStop("relay", () => relay.stop());
  const maintenance = startMaintenance(context, { retentionMs: config.retentionMs });
  onStop("maintenance", () => maintenance.stop());
  onStop("readiness", () => health.drain());
  log.info({ health_port: health.port, concurrency: config.concurrency }, "worker.started");
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

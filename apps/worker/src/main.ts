import { setFlagsFromString } from "node:v8";
import type { Context } from "@homing/core/context";
import { USER_AGENT } from "@homing/core/deliveries/sign";
import { attemptsMax } from "@homing/core/lanes/aside";
import { createFairQueue } from "@homing/core/shares/fair-queue";
import { createDatabase } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { createUrlCheck } from "@homing/egress/check-url";
import { createSend } from "@homing/egress/send";
import { createEgress } from "@homing/egress/variables";
import { createDeliveryQueue } from "@homing/queue/queue";
import { failStart, type Lifecycle, runService } from "@homing/runtime/lifecycle";
import { logSeldom } from "@homing/runtime/log-seldom";
import { createLogger, type Logger } from "@homing/runtime/logger";
import { asStartError, StartError } from "@homing/runtime/start-error";
import { createSealer, parseEncryptionKeys } from "@homing/signature/sealing";
import { type Config, readConfig } from "./config.js";
import { startDelivery } from "./delivery.js";
import { startHealth } from "./health.js";
import { startMaintenance } from "./maintenance.js";
import { startNotices } from "./notices.js";

const NAME = "homing-worker";
const CONNECTIONS_MAX = 10;
/** Receivers are many more than attempts at once: with fewer connections kept, each delivery would pay for a new one. */
const CONNECTIONS_KEPT_PER_SLOT = 4;
/** Where memory is plenty V8 lets a heap grow to several times what is in use before it collects: most of a busy worker's would be garbage. */
const HEAP_GROWTH = "--heap-growing-percent=50";

async function start(config: Config, log: Logger, { onStop }: Lifecycle): Promise<void> {
  setFlagsFromString(HEAP_GROWTH);
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
  const health = await startHealth(
    config.health,
    { database: () => db.$queryRaw`SELECT 1`, queue: () => queue.ping() },
    { delivery: config.deliveryEnabled ? "on" : "switched_off" },
  );
  onStop("health", () => health.close());
  const egress = await asStartError("EGRESS_ALLOW", () => createEgress(config.egress, { allow: config.egressAllow }));
  const sender = createSend({
    ...egress,
    userAgent: USER_AGENT,
    connectionsMax: attemptsMax(config.concurrency) + CONNECTIONS_KEPT_PER_SLOT * config.concurrency,
  });
  onStop("sender", () => sender.close());

  const fair = createFairQueue({ ...queue, nowMs: () => performance.now() });
  const context: Context = {
    db,
    log,
    sealer: await asStartError("HOMING_ENCRYPTION_KEYS", () =>
      createSealer(parseEncryptionKeys(config.encryptionKeys)),
    ),
    checkUrl: createUrlCheck(egress),
    send: sender.send,
    enqueue: fair.enqueue,
    random: Math.random,
  };
  startUpkeep(context, config, onStop);
  if (config.deliveryEnabled) {
    const { concurrency, isIsolating } = config;
    const relayed = { queue, crowd: fair.crowd };
    const delivery = await startDelivery(context, relayed, { ...connection, concurrency, isIsolating, onError });
    onStop("relay", () => delivery.stopRelay());
    // The first to stop, with the whole grace period before it: the requests that are out need it.
    onStop("worker", () => delivery.stopJobs(config.shutdownGraceMs));
  } else {
    log.warn("delivery.switched_off");
  }
  onStop("readiness", () => health.drain());
  log.info({ health_port: health.port, concurrency: config.concurrency }, "worker.started");
}

/** What goes on whether anything is sent or not. */
function startUpkeep(context: Context, { retentionMs }: Config, onStop: Lifecycle["onStop"]): void {
  const notices = startNotices(context);
  onStop("notices", () => notices.stop());
  const maintenance = startMaintenance(context, { retentionMs });
  onStop("maintenance", () => maintenance.stop());
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

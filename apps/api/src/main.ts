import { createUrlCheck } from "@homing/egress/check-url";
import { createEgress } from "@homing/egress/variables";
import type { Context } from "@homing/core/context";
import { ensureFirstKey } from "@homing/core/organizations/ensure-first-key";
import { createKeyUse, type KeyUse } from "@homing/core/organizations/key-use";
import { createFairQueue } from "@homing/core/shares/fair-queue";
import { createDatabase, type Database } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { createDeliveryQueue } from "@homing/queue/queue";
import { failStart, type Lifecycle, runService } from "@homing/runtime/lifecycle";
import { logSeldom } from "@homing/runtime/log-seldom";
import { createLogger, type Logger } from "@homing/runtime/logger";
import { asStartError, StartError } from "@homing/runtime/start-error";
import { type EncryptionKey, parseEncryptionKeys } from "@homing/signature/sealing";
import { createApp } from "./app.js";
import { createCallers } from "./callers.js";
import { contractSurfaces } from "./contracts/all.js";
import { type Config, readConfig } from "./config.js";
import { createContext } from "./create-context.js";
import { API_LOGINS, BOARD_LOGINS, createFailedLogins } from "./failed-logins.js";
import { listen } from "./http-server.js";
import { createNativeSurface } from "./native-surface.js";
import { createBoard } from "./ops/bull-board.js";
import { createHealth } from "./ops/health.js";
import { createRateLimiter, type RateLimiter } from "./rate-limit.js";
import { createOperatorCheck } from "./operator-key.js";
import { nativeRoutes } from "./routes/native.js";

const NAME = "homing-api";
const CONNECTIONS_MAX = 10;
/** How seldom one process writes the last uses of keys; they lag behind by as much, and by how long a key is recalled. */
const KEY_USE_WRITE_MS = 30_000;

async function start(config: Config, log: Logger, { onStop }: Lifecycle): Promise<void> {
  const keys = await asStartError("HOMING_ENCRYPTION_KEYS", () => readKeys(config.encryptionKeys));
  const db = createDatabase({ url: config.databaseUrl, connectionsMax: CONNECTIONS_MAX, applicationName: NAME });
  onStop("database", () => db.$disconnect());
  const reached = await reachDatabase(db, config.databaseUrl);
  if (!reached.ok) throw new StartError(reached.reason);
  const { bootstrapApiKey, boardLogin } = config;
  if (bootstrapApiKey !== null) await asStartError("HOMING_API_KEY", () => ensureFirstKey({ db }, bootstrapApiKey));
  const queue = await asStartError("queue", () =>
    createDeliveryQueue({
      databaseUrl: config.databaseUrl,
      ...(config.redisUrl !== null && { redisUrl: config.redisUrl }),
      onError: logSeldom(log, "queue.error"),
    }),
  );
  onStop("queue", () => queue.close());

  const { egressAllow: allow, host } = config;
  const egress = await asStartError("EGRESS_ALLOW", () => createEgress(config.egress, { allow, own: [host] }));
  const fair = createFairQueue({ ...queue, nowMs: () => performance.now() });
  // While nothing is sent, hints would only pile up: the relay finds what waits when delivery is back.
  const handing = config.deliveryEnabled
    ? { enqueue: fair.enqueue, backlog: fair }
    : { enqueue: () => Promise.resolve([]) };
  const context = createContext({ db, log, ...handing, checkUrl: createUrlCheck(egress), keys });
  onStop("batches", async () => {
    await Promise.all([context.publish.idle(), context.retry.idle()]);
  });
  const callers = createCallers({ db, sealer: context.sealer, keyUse: noteKeyUse({ db, log }, onStop) });
  const limiter = openRateLimiter(config, db, log);
  onStop("rate limiter", () => limiter?.close());
  const health = createHealth({ database: () => db.$queryRaw`SELECT 1` });
  const app = createApp({
    contracts: contractSurfaces(context),
    native: createNativeSurface(nativeRoutes(context)),
    gate: {
      ...callers,
      isOperator: createOperatorCheck(config.operatorKeyHash),
      limiter,
      failedLogins: createFailedLogins({ door: "api", limits: API_LOGINS, log }),
      deliveryEnabled: config.deliveryEnabled,
    },
    log,
    health: health.router,
    board:
      boardLogin &&
      createBoard([queue.bullQueue], boardLogin, createFailedLogins({ door: "board", limits: BOARD_LOGINS, log })),
    trustedProxies: config.trustedProxies,
  });
  const server = await listen(app, config);
  onStop("server", () => {
    health.stop();
    return server.close();
  });
  if (!config.deliveryEnabled) log.warn("delivery.switched_off");
  log.info({ host: config.host, port: server.port }, "api.started");
}

/** When a key was last used is written every half minute, and when the process stops. */
function noteKeyUse(context: Pick<Context, "db" | "log">, onStop: Lifecycle["onStop"]): KeyUse {
  const keyUse = createKeyUse(context);
  const writing = setInterval(() => void keyUse.write(), KEY_USE_WRITE_MS);
  onStop("key use", () => {
    clearInterval(writing);
    return keyUse.write();
  });
  return keyUse;
}

function openRateLimiter({ rateLimitPerSecond, redisUrl }: Config, db: Database, log: Logger): RateLimiter | null {
  if (rateLimitPerSecond === null) return null;
  const onError = logSeldom(log, "rate_limiter.error");
  return createRateLimiter({ perSecond: rateLimitPerSecond, redisUrl, db, onError });
}

/** The keys, of which there is one at least. */
function readKeys(text: string): [EncryptionKey, ...EncryptionKey[]] {
  const [first, ...others] = parseEncryptionKeys(text);
  if (first === undefined) throw new Error("no key");
  return [first, ...others];
}

try {
  const config = readConfig();
  const log = createLogger({ service: NAME, level: config.logLevel });
  runService({ name: NAME, log, graceMs: config.shutdownGraceMs, start: (lifecycle) => start(config, log, lifecycle) });
} catch (error) {
  failStart(NAME, error);
}

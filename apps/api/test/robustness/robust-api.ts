import { randomBytes } from "node:crypto";
import type { Hint } from "@homing/core/context";
import { claimDeliveries } from "@homing/core/deliveries/claim";
import { recordAttempts } from "@homing/core/deliveries/record";
import type { SendResult } from "@homing/core/outcome";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createAddressPolicy } from "@homing/egress/address-policy";
import { createUrlCheck } from "@homing/egress/check-url";
import { createTestDatabase, prepareTemplate } from "@homing/local/test-database";
import { createLogger } from "@homing/runtime/logger";
import type { ApiContext } from "../../src/api-context.js";
import { createApp } from "../../src/app.js";
import { contractSurfaces } from "../../src/contracts/all.js";
import { createCallers } from "../../src/callers.js";
import { createContext } from "../../src/create-context.js";
import { listen } from "../../src/http-server.js";
import { createNativeSurface } from "../../src/native-surface.js";
import { createOpenApi, type OpenApiDocument } from "../../src/openapi.js";
import { createBoard } from "../../src/ops/bull-board.js";
import { createHealth } from "../../src/ops/health.js";
import { createOperatorCheck, hashOperatorKey } from "../../src/operator-key.js";
import type { Route } from "../../src/route.js";
import { nativeRoutes } from "../../src/routes/native.js";
import { countLogins } from "../count-logins.js";
import { WORKER_NAME } from "./write-log.js";

const CONNECTIONS_MAX = 8;
// What bodies of unknown length may come to: here many are sent at once that only claim to be long.
const BODIES_BYTES_MAX = 1024 ** 3;

/** Between two statements nothing is under way for a moment. */
const QUIET_LOOKS = 3;

export const OPERATOR_KEY = "robust-operator-key-0123456789abcdef";
export const OPERATOR = { username: "ops", password: "correct horse" };

/** Everything that the API serves: native routes, contracts, documents, health and the operator's board. */
export interface RobustApi {
  port: number;
  db: Database;
  routes: readonly Route[];
  document: OpenApiDocument;
  /** Resolves when every attempt that was asked for is recorded, and nothing else is being written. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** On a database of its own; what is due at once is attempted at once, without a request: most of it succeeds. */
export async function startRobustApi(): Promise<RobustApi> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  const database = await createTestDatabase({ template });
  const db = createDatabase({ url: database.url, connectionsMax: CONNECTIONS_MAX, applicationName: "robustness" });
  const workerDb = createDatabase({ url: database.url, connectionsMax: 2, applicationName: WORKER_NAME });
  const log = createLogger({ service: "robustness", level: "silent" });
  const underWay = new Set<Promise<unknown>>();
  function take(hints: readonly Hint[]): void {
    const due = hints.filter(({ delayMs }) => delayMs === 0).map(({ deliveryId }) => deliveryId);
    const attempting = attemptAll({ ...context, db: workerDb }, due).finally(() => underWay.delete(attempting));
    underWay.add(attempting);
  }
  const context = createContext({
    db: watchTransactions(db, underWay),
    log,
    enqueue: async (hints) => {
      take(hints);
      return [];
    },
    checkUrl: createUrlCheck({ policy: createAddressPolicy({ allow: [] }), lookup: async () => ["93.184.215.14"] }),
    keys: [{ id: "test", key: randomBytes(32) }],
  });
  const contracts = contractSurfaces(context);
  const native = createNativeSurface(nativeRoutes(context));
  const app = createApp({
    contracts,
    native,
    gate: {
      ...createCallers({ db, sealer: context.sealer }),
      isOperator: createOperatorCheck(hashOperatorKey(OPERATOR_KEY)),
      limiter: null,
      deliveryEnabled: true,
    },
    log,
    health: createHealth({ database: () => db.$queryRaw`SELECT 1` }).router,
    board: createBoard([], OPERATOR, countLogins({ perNameMax: Infinity })),
    bodiesBytesMax: BODIES_BYTES_MAX,
  });
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < QUIET_LOOKS; quiet += 1) {
      if (underWay.size > 0 || (await isBusy(db))) quiet = -1;
      await Promise.all(underWay);
    }
  };
  return {
    port: server.port,
    db,
    routes: [...contracts, native].flatMap(({ routes }) => routes),
    document: createOpenApi([...contracts, native]),
    settle,
    async stop() {
      await server.close();
      await settle();
      await Promise.all([db.$disconnect(), workerDb.$disconnect()]);
      await database.drop();
    },
  };
}

/** The same database, whose transactions are under way from the call on, also while they wait for a connection. */
function watchTransactions(db: Database, underWay: Set<Promise<unknown>>): Database {
  return new Proxy(db, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name !== "$transaction" || typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        const answered: unknown = Reflect.apply(member, target, given);
        const ended = Promise.allSettled([answered]).finally(() => underWay.delete(ended));
        underWay.add(ended);
        return answered;
      };
    },
  });
}

/** Whether a statement or a transaction is under way: some go on when their request is answered, as the pull of a line does. */
async function isBusy(db: Database): Promise<boolean> {
  const [row] = await db.$queryRaw<{ busy: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND state IS DISTINCT FROM 'idle' AND pid <> pg_backend_pid()
    ) AS busy`;
  return row?.busy === true;
}

/** As a worker does, but without lines, circuits and requests: what it writes is written when this resolves. */
async function attemptAll(context: ApiContext, deliveryIds: readonly string[]): Promise<void> {
  const claims = deliveryIds.length === 0 ? [] : await claimDeliveries(context, deliveryIds);
  const made = claims.flatMap((claimed) => (claimed.outcome === "claimed" ? [claimed.claim] : []));
  if (made.length === 0) return;
  const requestHeaders = { "content-type": "application/json" };
  const attempts = made.map((claim) => ({
    claim,
    result: answerTo(claim.deliveryId),
    requestHeaders,
    sentAtMs: Date.now(),
  }));
  await recordAttempts({ ...context, random: () => 0.5 }, attempts);
}

function answerTo(deliveryId: string): SendResult {
  const status = /[0-3]$/.test(deliveryId) ? 500 : 200;
  return { outcome: "responded", status, headers: {}, bodyText: "a\u202E\uFFFD", durationMs: 1 };
}

import { createKey, type NewKey } from "./create-key.js";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { type Acting, SYSTEM } from "@homing/core/audit-log/actor";
import type { Hint } from "@homing/core/context";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createAddressPolicy } from "@homing/egress/address-policy";
import { createUrlCheck } from "@homing/egress/check-url";
import { createTestDatabase, prepareTemplate } from "@homing/local/test-database";
import { createLogger } from "@homing/runtime/logger";
import { randomBytes } from "node:crypto";
import type { Response } from "supertest";
import type { Gate } from "../../src/admit.js";
import type { ApiContext } from "../../src/api-context.js";
import { type AppParts, createApp } from "../../src/app.js";
import { contractSurfaces } from "../../src/contracts/all.js";
import { createCallers } from "../../src/callers.js";
import { createContext } from "../../src/create-context.js";
import { listen } from "../../src/http-server.js";
import { createNativeSurface } from "../../src/native-surface.js";
import { createOperatorCheck, hashOperatorKey } from "../../src/operator-key.js";
import { createOpenApi, type OpenApiDocument } from "../../src/openapi.js";
import { nativeRoutes } from "../../src/routes/native.js";
import type { Surface } from "../../src/surface.js";
import { type Method, OPERATOR_KEY } from "../native/native-api.js";
import { type ContractAsked, createAsk } from "./ask.js";
import { startTestWorker, type TestWorker } from "./test-worker.js";

const CONNECTIONS_MAX = 10;
const LOOPBACK = { host: "127.0.0.1", port: 0 };
const RECEIVERS = createAddressPolicy({ allow: ["127.0.0.0/8"] });

/** One organization's way to the API; fits the fixtures of the native tests. */
export interface ContractOrganization {
  organizationId: string;
  key: string;
  /** Every answer is held against the OpenAPI document. */
  ask(method: Method, path: string, asked?: ContractAsked): Promise<Response>;
}

/** The native API and every contract on a database of its own, with a worker in this process. */
export interface ContractApi {
  url: string;
  db: Database;
  /** What is changed by it is changed by Homing itself. */
  context: ApiContext & Acting;
  /** Everything that was handed to the queue. */
  hints: Hint[];
  worker: TestWorker;
  /** The contracts and the native surface. */
  surfaces: readonly Surface[];
  document: OpenApiDocument;
  /** As nobody, unless the headers say otherwise. */
  ask(method: Method, path: string, asked?: ContractAsked): Promise<Response>;
  createOrganization(): Promise<ContractOrganization>;
  /** Another key of the same organization; all scopes unless told. */
  createKey(organization: ContractOrganization, key?: NewKey): Promise<ContractOrganization>;
  stop(): Promise<void>;
}

/** Starts it all; receivers are at loopback addresses. */
export async function startContractApi(
  gate: Partial<Gate> = {},
  parts: Pick<AppParts, "trustedProxies"> = {},
): Promise<ContractApi> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  const database = await createTestDatabase({ template });
  const db = createDatabase({ url: database.url, connectionsMax: CONNECTIONS_MAX, applicationName: "contract-test" });
  const hints: Hint[] = [];
  const handOver = async (handed: Hint[]): Promise<[]> => {
    hints.push(...handed);
    worker.take(handed);
    return [];
  };
  const api = createContext({
    db,
    log: createLogger({ service: "contract-test", level: "silent" }),
    enqueue: handOver,
    checkUrl: createUrlCheck({ policy: RECEIVERS, lookup: async () => ["93.184.215.14"] }),
    keys: [{ id: "test", key: randomBytes(32) }],
  });
  const context = { ...api, actor: SYSTEM };
  const worker = startTestWorker(context, RECEIVERS);
  const server = await serve(context, gate, parts);
  const { url, surfaces } = server;
  const document = createOpenApi(surfaces);
  const ask = createAsk(url, document);
  const asHolder = (organizationId: string, key: string): ContractOrganization => ({
    organizationId,
    key,
    ask: (method, path, asked = {}) =>
      ask(method, path, { ...asked, headers: { Authorization: `Bearer ${key}`, ...asked.headers } }),
  });
  return {
    url,
    db,
    context,
    hints,
    worker,
    surfaces,
    document,
    ask,
    async createOrganization() {
      const { organizationId, key } = await createOrganization({ db, actor: SYSTEM }, { name: "test" });
      return asHolder(organizationId, key);
    },
    async createKey({ organizationId }, key = {}) {
      return asHolder(organizationId, await createKey(db, organizationId, key));
    },
    async stop() {
      await server.close();
      await worker.stop();
      await db.$disconnect();
      await database.drop();
    },
  };
}

async function serve(
  context: ApiContext,
  gate: Partial<Gate>,
  parts: Pick<AppParts, "trustedProxies">,
): Promise<Pick<ContractApi, "url" | "surfaces"> & { close(): Promise<void> }> {
  const contracts = contractSurfaces(context);
  const native = createNativeSurface(nativeRoutes(context));
  const app = createApp({
    contracts,
    native,
    gate: {
      ...createCallers(context),
      isOperator: createOperatorCheck(hashOperatorKey(OPERATOR_KEY)),
      limiter: null,
      deliveryEnabled: true,
      ...gate,
    },
    log: context.log,
    health: (_req, _res, next) => next(),
    board: null,
    ...parts,
  });
  const server = await listen(app, LOOPBACK);
  return {
    url: `http://${LOOPBACK.host}:${server.port}`,
    surfaces: [...contracts, native],
    close: () => server.close(),
  };
}

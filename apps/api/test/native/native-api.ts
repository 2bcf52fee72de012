import { SYSTEM } from "@homing/core/audit-log/actor";
import { randomBytes } from "node:crypto";
import type { Hint } from "@homing/core/context";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createAddressPolicy } from "@homing/egress/address-policy";
import { createUrlCheck } from "@homing/egress/check-url";
import { createTestDatabase, prepareTemplate } from "@homing/local/test-database";
import { createLogger, type Logger } from "@homing/runtime/logger";
import { expect } from "@jest/globals";
import request, { type Response } from "supertest";
import type { Gate } from "../../src/admit.js";
import type { ApiContext } from "../../src/api-context.js";
import { createApp } from "../../src/app.js";
import { createCallers } from "../../src/callers.js";
import { createContext } from "../../src/create-context.js";
import { listen } from "../../src/http-server.js";
import { createNativeSurface } from "../../src/native-surface.js";
import { createOperatorCheck, hashOperatorKey } from "../../src/operator-key.js";
import { createOpenApi, type OpenApiDocument } from "../../src/openapi.js";
import type { Route } from "../../src/route.js";
import { nativeRoutes } from "../../src/routes/native.js";
import { expectDocumented } from "../openapi-answers.js";
import { expectTimes } from "./times.js";

const CONNECTIONS_MAX = 5;
/** Opens the operator's routes of every API that these tests start. */
export const OPERATOR_KEY = "operator-of-these-tests-0123456789abcdef";
const LOOPBACK = { host: "127.0.0.1", port: 0 };

export type Method = Route["method"];

/** One request. `text` is a body as it stands, `json` one to be encoded. */
export interface Asked {
  json?: unknown;
  text?: string;
  query?: Record<string, string | number>;
  headers?: Record<string, string>;
}

/** One organization's way to the API; every answer is held against the OpenAPI document. */
export interface Organization {
  organizationId: string;
  key: string;
  ask(method: Method, path: string, asked?: Asked): Promise<Response>;
}

/** The native routes over HTTP. */
export interface NativeServer {
  url: string;
  routes: Route[];
  document: OpenApiDocument;
  /** As nobody, unless the headers say otherwise. */
  ask(method: Method, path: string, asked?: Asked): Promise<Response>;
  close(): Promise<void>;
}

export interface NativeApi extends NativeServer {
  databaseUrl: string;
  db: Database;
  log: Logger;
  context: ApiContext;
  /** What was handed to the queue. */
  hints: Hint[];
  createOrganization(): Promise<Organization>;
  stop(): Promise<void>;
}

/** The API on a database of its own, with a queue that only records. */
export async function startNativeApi(): Promise<NativeApi> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  const database = await createTestDatabase({ template });
  const db = createDatabase({ url: database.url, connectionsMax: CONNECTIONS_MAX, applicationName: "api-test" });
  const hints: Hint[] = [];
  const context = createTestContext(db, async (handed) => {
    hints.push(...handed);
    return [];
  });
  const server = await serve(context, createCallers(context));
  return {
    ...server,
    databaseUrl: database.url,
    db,
    log: context.log,
    context,
    hints,
    async createOrganization() {
      const { organizationId, key } = await createOrganization({ db, actor: SYSTEM }, { name: "test" });
      return { organizationId, key, ask: askWithKey(server, key) };
    },
    async stop() {
      await server.close();
      await db.$disconnect();
      await database.drop();
    },
  };
}

/** A context whose webhooks may be at public addresses only; no test sends anything. */
export function createTestContext(db: Database, enqueue: ApiContext["enqueue"]): ApiContext {
  return createContext({
    db,
    log: createLogger({ service: "api-test", level: "silent" }),
    enqueue,
    checkUrl: createUrlCheck({ policy: createAddressPolicy({ allow: [] }), lookup: async () => ["93.184.215.14"] }),
    keys: [{ id: "test", key: randomBytes(32) }],
  });
}

/** The route table as data: its handlers would find no database. */
export function routesWithoutDatabase(): Route[] {
  return nativeRoutes(contextWithoutDatabase());
}

/** What needs no database: documents, and refusals before one is asked. */
export function serveWithoutDatabase(): Promise<NativeServer> {
  return serve(contextWithoutDatabase(), { authenticate: async () => null });
}

/** For surfaces as data: handlers would find no database. */
export function contextWithoutDatabase(): ApiContext {
  const url = "postgres://127.0.0.1:1/none";
  return createTestContext(createDatabase({ url, connectionsMax: 1, applicationName: "api-test" }), async () => []);
}

/** Serves the native routes of a context. */
export async function serve(
  context: ApiContext,
  callers: Pick<Gate, "authenticate" | "recall">,
  gate: Partial<Gate> = {},
): Promise<NativeServer> {
  const routes = nativeRoutes(context);
  const native = createNativeSurface(routes);
  const document = createOpenApi([native]);
  const app = createApp({
    contracts: [],
    native,
    gate: {
      ...callers,
      isOperator: createOperatorCheck(hashOperatorKey(OPERATOR_KEY)),
      limiter: null,
      deliveryEnabled: true,
      ...gate,
    },
    log: context.log,
    health: (_req, _res, next) => next(),
    board: null,
  });
  const server = await listen(app, LOOPBACK);
  const url = `http://${LOOPBACK.host}:${server.port}`;
  return { url, routes, document, ask: askServer(url, document), close: () => server.close() };
}

/** Asks with a key. */
export function askWithKey(server: Pick<NativeServer, "ask">, key: string): Organization["ask"] {
  return (method, path, asked = {}) =>
    server.ask(method, path, { ...asked, headers: { Authorization: `Bearer ${key}`, ...asked.headers } });
}

function askServer(url: string, document: OpenApiDocument): NativeServer["ask"] {
  return async (method, path, { json, text, query, headers = {} } = {}) => {
    const asking = request(url);
    const sent = asking[methodName(method)](path).query(query ?? {});
    if (json !== undefined || text !== undefined) sent.set("Content-Type", "application/json");
    sent.set(headers);
    if (json !== undefined) sent.send(JSON.stringify(json));
    if (text !== undefined) sent.send(text);
    const answer = await sent;
    expectAnswer(document, method, path, answer);
    return answer;
  };
}

/** Every answer is documented, says times alike, and a refusal is a whole problem; no operation says 404 for a path or 405. */
function expectAnswer(document: OpenApiDocument, method: Method, path: string, answer: Response): void {
  const { status, body, headers } = answer;
  const contentType: string | undefined = headers["content-type"];
  if (status >= 400) {
    expect(contentType).toBe("application/problem+json");
    expect(body).toMatchObject({ status, request_id: headers["x-request-id"], type: `/docs/problems#${body.code}` });
  }
  if (body?.code === "route_not_found" || body?.code === "method_not_allowed") return;
  const [pathname = path] = path.split("?");
  expectDocumented(document, {
    method,
    path: pathname,
    status,
    contentType,
    body: contentType === undefined ? undefined : body,
  });
  expectTimes(body);
}

function methodName(method: Method): "get" | "post" | "put" | "patch" | "delete" {
  switch (method) {
    case "GET":
      return "get";
    case "POST":
      return "post";
    case "PUT":
      return "put";
    case "PATCH":
      return "patch";
    case "DELETE":
      return "delete";
  }
}

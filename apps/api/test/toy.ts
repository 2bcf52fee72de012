import { Writable } from "node:stream";
import { DomainError } from "@homing/core/errors";
import type { Caller } from "@homing/core/organizations/api-keys";
import { BatchFullError } from "@homing/runtime/batch";
import { createLogger } from "@homing/runtime/logger";
import type { Express, RequestHandler } from "express";
import Joi from "joi";
import type { Gate } from "../src/admit.js";
import { createApp } from "../src/app.js";
import type { Authenticate } from "../src/authorize.js";
import { createNativeSurface } from "../src/native-surface.js";
import { memberSlices } from "../src/raw-json.js";
import { publicRoute, type Route, route } from "../src/route.js";
import type { Surface } from "../src/surface.js";

export const KEY = "hom_toy_key_with_the_scopes_it_needs";
export const POOR_KEY = "hom_toy_key_without_any_scope_at_all";

const CALLER: Caller = {
  organizationId: "org-1",
  apiKeyId: "key-1",
  scopes: ["events:write", "events:read", "deliveries:retry"],
  by: "api_key" as const,
  webhookId: null,
};

const toySchema = Joi.object({
  toy_id: Joi.string().guid().required(),
  name: Joi.string().required(),
  wheels: Joi.number().integer().min(0).allow(null),
  owner: Joi.string().required(),
})
  .required()
  .id("Toy");

const TOY_ID = "0197f3a0-0000-7000-8000-000000000001";

/** A table of routes with one of each kind. */
export const toyRoutes: Route[] = [
  route({
    method: "POST",
    path: "/v1/toys",
    operationId: "createToy",
    summary: "Make a toy",
    tag: "toys",
    scope: "events:write",
    input: {
      headers: Joi.object<{ "idempotency-key"?: string }>({ "idempotency-key": Joi.string().max(10) }),
      body: Joi.object<{ name: string; wheels?: number | null; code?: string; parts?: string[]; payload?: unknown }>({
        name: Joi.string().max(20).required(),
        wheels: Joi.number().integer().min(0).allow(null),
        code: Joi.string().pattern(/^[a-z]+$/),
        parts: Joi.array().items(Joi.string()),
        payload: Joi.any(),
      }),
    },
    answers: { 201: { description: "Made", schema: toySchema } },
    refusals: ["quota_exhausted"],
    async handle({ caller, body, headers }) {
      const headerNames = Object.keys(headers).join();
      const answer = { toy_id: TOY_ID, name: body.name, wheels: body.wheels ?? null, owner: caller.organizationId };
      return { status: 201, body: answer, headers: { "X-Header-Names": headerNames } };
    },
  }),
  route({
    method: "POST",
    path: "/v1/toys/echo",
    operationId: "echoPayload",
    summary: "Give the payload back byte for byte",
    tag: "toys",
    scope: "events:write",
    input: { body: Joi.object({ payload: Joi.any().required() }) },
    answers: { 200: { description: "The payload", schema: Joi.any() } },
    refusals: [],
    handle: async ({ rawBody }) => ({ status: 200, body: memberSlices(rawBody).get("payload") }),
  }),
  route({
    method: "POST",
    path: "/v1/toys/crowd",
    operationId: "countCrowd",
    summary: "Count a long list",
    tag: "toys",
    scope: "events:write",
    input: { body: Joi.array() },
    bodyBytesMax: 2 * 1024 * 1024,
    answers: { 200: { description: "How many", schema: Joi.number().required() } },
    refusals: [],
    handle: async ({ body }) => ({ status: 200, body: body.length }),
  }),
  route({
    method: "GET",
    path: "/v1/toys/{toy_id}",
    operationId: "getToy",
    summary: "One toy",
    tag: "toys",
    scope: "events:read",
    input: {
      params: Joi.object<{ toy_id: string }>({ toy_id: Joi.string().guid().required() }),
      query: Joi.object<{ limit: number; name?: string }>({
        limit: Joi.number().integer().min(1).max(100).default(50),
        name: Joi.string(),
      }),
    },
    answers: { 200: { description: "The toy", schema: toySchema } },
    refusals: ["not_found"],
    async handle({ params, query, caller }) {
      return {
        status: 200,
        body: { toy_id: params.toy_id, name: query.name ?? "car", wheels: query.limit, owner: caller.organizationId },
      };
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/toys/{toy_id}",
    operationId: "deleteToy",
    summary: "Throw a toy away",
    tag: "toys",
    scope: "events:write",
    input: { params: Joi.object({ toy_id: Joi.string().required() }) },
    answers: { 204: { description: "Gone" } },
    refusals: [],
    handle: async () => ({ status: 204 }),
  }),
  route({
    method: "POST",
    path: "/v1/toys/{toy_id}/wind",
    operationId: "windToy",
    summary: "Wind a toy up",
    tag: "toys",
    scope: "events:write",
    bodyOptional: true,
    bodyBytesMax: 64,
    input: {
      params: Joi.object({ toy_id: Joi.string().required() }),
      body: Joi.object<{ turns: number }>({ turns: Joi.number().integer().default(3) }),
    },
    answers: { 200: { description: "Turns", schema: Joi.object({ turns: Joi.number().integer().required() }) } },
    refusals: [],
    handle: async ({ body }) => ({ status: 200, body: { turns: body.turns } }),
  }),
  publicRoute({
    method: "GET",
    path: "/v1/greeting",
    operationId: "greet",
    summary: "Says hello to anybody",
    tag: "toys",
    scope: null,
    input: {},
    answers: { 200: { description: "The literal null", schema: Joi.any().valid(null).required() } },
    refusals: [],
    handle: async () => ({ status: 200, body: null }),
  }),
  publicRoute({
    method: "POST",
    path: "/v1/failures/{kind}",
    operationId: "fail",
    summary: "Fails as it is told",
    tag: "toys",
    scope: null,
    input: { params: Joi.object<{ kind: string }>({ kind: Joi.string().required() }) },
    answers: {},
    refusals: [
      "not_found",
      "idempotency_conflict",
      "delivery_in_flight",
      "delivery_finished",
      "webhook_disabled",
      "webhook_archived",
      "quota_exhausted",
    ],
    async handle({ params: { kind } }) {
      switch (kind) {
        case "batch_full":
          throw new BatchFullError("too much is waiting");
        case "ours":
          throw new Error("password=hunter2");
        case "validation_error":
          throw new DomainError(kind, "The webhook cannot be called.", [{ pointer: "/url", detail: "is not public" }]);
        case "unauthenticated":
        case "not_found":
        case "idempotency_conflict":
        case "delivery_in_flight":
        case "delivery_finished":
        case "webhook_disabled":
        case "webhook_archived":
        case "quota_exhausted":
        case "unavailable":
          throw new DomainError(kind, `It is ${kind}.`);
        default:
          throw new TypeError(kind);
      }
    },
  }),
];

const authenticate: Authenticate = async (key) =>
  key === KEY ? CALLER : key === POOR_KEY ? { ...CALLER, scopes: ["keys:manage"] } : null;

/** Log lines as they were written. */
export interface ToyApp {
  app: Express;
  lines: Record<string, unknown>[];
}

/** An application over the toy routes. */
export function createToyApp(
  options: {
    contracts?: Surface[];
    health?: RequestHandler;
    board?: RequestHandler;
    bodiesBytesMax?: number;
    gate?: Partial<Gate>;
    trustedProxies?: string[];
  } = {},
): ToyApp {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  const app = createApp({
    contracts: options.contracts ?? [],
    native: createNativeSurface(toyRoutes),
    gate: { authenticate, limiter: null, deliveryEnabled: true, ...options.gate },
    log: createLogger({ service: "toy", level: "info" }, stream),
    health: options.health ?? ((_req, _res, next) => next()),
    board: options.board ?? null,
    ...(options.trustedProxies !== undefined && { trustedProxies: options.trustedProxies }),
    ...(options.bodiesBytesMax !== undefined && { bodiesBytesMax: options.bodiesBytesMax }),
  });
  return { app, lines };
}

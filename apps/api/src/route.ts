import type { Actor } from "@homing/core/audit-log/actor";
import type { Caller, Scope } from "@homing/core/organizations/api-keys";
import type Joi from "joi";
import type { Recalled } from "./admit.js";
import type { ProblemCode } from "./problem.js";

/**
 * The Joi schemas of a route's input. Query, params and headers are converted from text, bodies are not: `"1"` is no number.
 * Members that no schema names are refused, in headers they are ignored.
 */
export interface RouteInput<Params, Query, Headers, Body> {
  params?: Joi.ObjectSchema<Params>;
  query?: Joi.ObjectSchema<Query>;
  /** Keys in lower case. */
  headers?: Joi.ObjectSchema<Headers>;
  body?: Joi.Schema<Body>;
}

/** A request that is authenticated, or recalled, and valid. */
export interface RouteRequest<Params, Query, Headers, Body, By> {
  caller: By;
  /** Set, of a route that `confirmsKey`: the caller was recalled, and the handler asks whether its key is good still. */
  recalled: Recalled | null;
  params: Params;
  query: Query;
  headers: Headers;
  /** undefined when the route has no body schema */
  body: Body;
  /** The body's bytes as they came, decompressed; empty when there was none. */
  rawBody: Buffer;
  requestId: string;
  /** Who changes something by it; of routes that are not public. */
  actor: () => Actor;
  /** When it came in, by `performance.now()`. */
  receivedAtMs: number;
  /** Aborts when the client leaves before it is answered. */
  clientGone: () => AbortSignal;
}

/** `body` is sent as JSON; a Buffer and a Readable are JSON already and sent as they are; absent: no body. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** What a status means, and the shape of its body; no schema: no body. */
export interface DocumentedAnswer {
  description: string;
  schema?: Joi.Schema;
}

/**
 * One operation as data: the router, authentication, validation and the OpenAPI document derive from it.
 * `path` is spelt as in OpenAPI (`/v1/webhooks/{webhook_id}`); `scope` null: public; `operator`: for the operator's credential alone; both
 * without a caller.
 */
export interface Route<
  Params = unknown,
  Query = unknown,
  Headers = unknown,
  Body = unknown,
  By extends Caller | null = Caller | null,
> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: `/${string}`;
  operationId: string;
  summary: string;
  description?: string;
  tag: string;
  scope: By extends Caller ? Scope : "operator" | null;
  input: RouteInput<Params, Query, Headers, Body>;
  /** Most bytes of a body after decompression; 256 KiB unless told. */
  bodyBytesMax?: number;
  /** An absent body counts as `{}`. */
  bodyOptional?: boolean;
  /** It asks for a request to a receiver: refused as unavailable while delivery is switched off. */
  asksForSending?: boolean;
  /** Its handler asks itself, with what it does, whether the key is good still: it may be called for a caller who is recalled. */
  confirmsKey?: boolean;
  /** It shows and does nothing beyond the webhook that a portal token is bound to; others refuse such a token. */
  isHeldToWebhook?: boolean;
  answers: Record<number, DocumentedAnswer>;
  /** Problems of the business that it may answer; those of the framework follow from the rest. */
  refusals: readonly ProblemCode[];
  handle(request: RouteRequest<Params, Query, Headers, Body, By>): Promise<Answer>;
}

/** A route for holders of an API key; the handler's types follow from the schemas. */
export function route<Params, Query, Headers, Body>(definition: Route<Params, Query, Headers, Body, Caller>): Route {
  return definition;
}

/** A route for the operator: no organization's key opens it. */
export function operatorRoute<Params, Query, Headers, Body>(
  definition: Omit<Route<Params, Query, Headers, Body, null>, "scope">,
): Route {
  return { ...definition, scope: "operator" };
}

/** A route for everybody: no key is asked for. */
export function publicRoute<Params, Query, Headers, Body>(
  definition: Route<Params, Query, Headers, Body, null>,
): Route {
  return definition;
}

import express, { type Request, type RequestHandler, type Response } from "express";
import { createAdmission, type Gate } from "./admit.js";
import type { BodyBudget } from "./body-budget.js";
import { createEndpoint, type Endpoint } from "./endpoint.js";
import { refusal } from "./problem.js";
import { recordOf } from "./request-record.js";
import type { Route } from "./route.js";
import { sendAnswer } from "./send-answer.js";
import type { Surface } from "./surface.js";

type Serve = (req: Request, res: Response) => Promise<void>;

/** Serves the routes of one surface; a path that none of them has falls through. */
export function createSurfaceRouter(surface: Surface, gate: Gate, budget: BodyBudget): RequestHandler {
  // The router tries one path after the other: those without parameters, a publish among them, are looked up at once.
  const literals = new Map<string, Serve>();
  const router = express.Router({ caseSensitive: true, strict: true });
  for (const [path, routes] of groupByPath(surface.routes)) {
    const endpoints = routes.map((route): [Route["method"], Endpoint] => [
      route.method,
      createEndpoint(route, createAdmission(surface, route, gate), budget),
    ]);
    const serve = createServe(path, endpoints);
    if (path.includes("{")) router.all(path.replaceAll(/\{(\w+)\}/g, ":$1"), serve);
    else literals.set(path, serve);
  }
  return (req, res, next) => {
    const serve = literals.get(req.path);
    return serve === undefined ? router(req, res, next) : serve(req, res);
  };
}

function createServe(path: string, served: readonly [Route["method"], Endpoint][]): Serve {
  const endpoints = new Map<string, Endpoint>();
  for (const [method, endpoint] of served) {
    if (endpoints.has(method)) throw new Error(`two routes for ${method} ${path}`);
    endpoints.set(method, endpoint);
  }
  const get = endpoints.get("GET");
  if (get !== undefined) endpoints.set("HEAD", get);
  const allow = [...endpoints.keys(), "OPTIONS"].toSorted().join(", ");

  return async (req, res) => {
    const record = recordOf(res);
    record.route = path;
    if (req.method === "OPTIONS") {
      sendAnswer(res, { status: 204, headers: { Allow: allow } });
      return;
    }
    const endpoint = endpoints.get(req.method);
    if (endpoint === undefined) {
      throw refusal("method_not_allowed", `The path takes ${allow}.`, { headers: { Allow: allow } });
    }
    sendAnswer(res, await endpoint(req, res, record));
  };
}

/** Routes by path, literal segments before parameters, so that the order of the table says nothing. */
function groupByPath(routes: readonly Route[]): [string, Route[]][] {
  const groups = new Map<string, Route[]>();
  for (const route of routes) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return [...groups].toSorted(([a], [b]) => compareKeys(orderKey(a), orderKey(b)));
}

// "{" sorts behind every letter, but parameters of any name must sort alike.
function orderKey(path: string): string {
  return path.replaceAll(/\{\w+\}/g, "{}");
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

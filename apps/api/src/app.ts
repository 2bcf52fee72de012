import express, { type Express, type RequestHandler } from "express";
import type { Logger } from "@homing/runtime/logger";
import type { Gate } from "./admit.js";
import { answerProblem } from "./answer-problem.js";
import { BODIES_BYTES_MAX, createBodyBudget } from "./body-budget.js";
import { createDocs } from "./docs.js";
import { BOARD_PATH } from "./ops/bull-board.js";
import { refusal } from "./problem.js";
import { refuseUnreadable } from "./refuse-unreadable.js";
import { recordOf, recordRequests } from "./request-record.js";
import { secureAnswers, securePages } from "./security-headers.js";
import type { Surface } from "./surface.js";
import { createSurfaceRouter } from "./surface-router.js";

export interface AppParts {
  /** A path belongs to the first contract that owns it, to the native surface when none does. */
  contracts: readonly Surface[];
  native: Surface;
  gate: Gate;
  log: Logger;
  /** Answers /livez and /readyz, which are neither recorded nor logged. */
  health: RequestHandler;
  /** Serves /ops/queues; null: there is no such path. */
  board: RequestHandler | null;
  /** Most bytes of all bodies at once, 64 MiB unless told. */
  bodiesBytesMax?: number;
  /** Whose word is taken for the client's address: so many proxies before us, or those in these CIDRs; nobody's unless told. */
  trustedProxies?: number | readonly string[];
}

/** Builds the HTTP application from its parts; opens nothing. */
export function createApp(parts: AppParts): Express {
  const { contracts, native, gate, log, health, board, bodiesBytesMax = BODIES_BYTES_MAX, trustedProxies = 0 } = parts;
  const surfaces = [...contracts, native];
  const surfaceOf = (path: string): Surface => contracts.find((surface) => surface.owns(path)) ?? native;
  const budget = createBodyBudget(bodiesBytesMax);
  const routers = new Map(surfaces.map((surface) => [surface, createSurfaceRouter(surface, gate, budget)]));

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("trust proxy", trustedProxies);
  app.use(health);
  app.use(recordRequests(log));
  app.use(secureAnswers());
  app.use(refuseUnreadable);
  app.use(createDocs(surfaces));
  if (board !== null) app.use(BOARD_PATH, labelBoard, securePages(), board);
  app.use((req, res, next) => routers.get(surfaceOf(req.path))?.(req, res, next));
  app.use(() => {
    throw refusal("route_not_found", "No route has this path.");
  });
  app.use(answerProblem(surfaceOf));
  return app;
}

const labelBoard: RequestHandler = (_req, res, next) => {
  recordOf(res).route = BOARD_PATH;
  next();
};

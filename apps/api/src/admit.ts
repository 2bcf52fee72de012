import type { Caller, Scope } from "@homing/core/organizations/api-keys";
import type { Request, Response } from "express";
import { type Authenticate, findCaller, requireOperator, requireScope } from "./authorize.js";
import { clientAddress } from "./client-address.js";
import type { FailedLogins } from "./failed-logins.js";
import type { IsOperator } from "./operator-key.js";
import { ProblemError, refusal } from "./problem.js";
import type { RateLimiter, RateUse } from "./rate-limit.js";
import type { RequestRecord } from "./request-record.js";
import type { Route } from "./route.js";
import type { Surface } from "./surface.js";

const DELIVERY_OFF_RETRY_SECONDS = 60;

/** What stands before every route. */
export interface Gate {
  authenticate: Authenticate;
  /** Absent: nobody is the operator. */
  isOperator?: IsOperator;
  /** null: keys have no limit */
  limiter: RateLimiter | null;
  /** Counts credentials that nobody has, by client address; absent: nobody counts. */
  failedLogins?: FailedLogins;
  /** false: routes that ask for a request to a receiver are refused. */
  deliveryEnabled: boolean;
}

/** Lets one request in, or refuses it, before its body is read. */
export type Admit = (req: Request, res: Response, record: RequestRecord) => Promise<Caller | null>;

/**
 * The order is: who is it (or have there been too many unknown ones), has it asked too often, may it do this, is there delivery. A public
 * route has no caller, nor has the operator's.
 * @throws ProblemError unauthenticated, rate_limited, forbidden, unavailable
 */
export function createAdmission(surface: Surface, route: Route, gate: Gate): Admit {
  const { scope, asksForSending = false, isHeldToWebhook = false } = route;
  const { isOperator = () => false } = gate;
  return async (req, res, record) => {
    if (scope === "operator") {
      await identify(gate, req, async (authorization) => requireOperator(authorization, isOperator));
    }
    const hasCaller = scope !== null && scope !== "operator";
    const caller = hasCaller ? await admitCaller({ surface, scope, gate }, req, res, record) : null;
    if (caller !== null && caller.webhookId !== null && !isHeldToWebhook) {
      throw refusal("forbidden", "The token is bound to one webhook, which is not what this is about.");
    }
    if (asksForSending && !gate.deliveryEnabled) {
      const headers = { "Retry-After": String(DELIVERY_OFF_RETRY_SECONDS) };
      throw refusal("unavailable", "Delivery is switched off in this environment.", { headers });
    }
    return caller;
  };
}

async function admitCaller(
  { surface, scope, gate }: { surface: Surface; scope: Scope; gate: Gate },
  req: Request,
  res: Response,
  record: RequestRecord,
): Promise<Caller> {
  const { limiter } = gate;
  const caller = await identify(gate, req, (authorization) => findCaller(authorization, gate.authenticate));
  record.organizationId = caller.organizationId;
  if (limiter !== null) {
    const use = await limiter.take(caller.apiKeyId);
    // On every answer from here on, whatever it is.
    for (const [name, value] of Object.entries(surface.spellRateUse?.(use) ?? {})) res.setHeader(name, value);
    if (!use.isAllowed) throw rateLimited(use);
  }
  requireScope(caller, scope);
  return caller;
}

/** Who has a good credential is always let in; who tries too many bad ones is told to wait, whatever else comes from the same address. */
async function identify<Known>(
  { failedLogins }: Gate,
  req: Request,
  find: (authorization: string | undefined) => Promise<Known>,
): Promise<Known> {
  const { authorization } = req.headers;
  try {
    return await find(authorization);
  } catch (error) {
    const isFailure = error instanceof ProblemError && error.problem.code === "unauthenticated";
    if (failedLogins === undefined || !isFailure || authorization === undefined) throw error;
    const login = { address: clientAddress(req) };
    const waitSeconds = failedLogins.blockedSeconds(login);
    if (waitSeconds !== null) throw tooManyLogins(waitSeconds);
    failedLogins.fail(login);
    throw error;
  }
}

function tooManyLogins(waitSeconds: number): Error {
  const headers = { "Retry-After": String(waitSeconds) };
  return refusal("rate_limited", "Too many requests with unknown credentials came from this address.", { headers });
}

function rateLimited({ limit, resetSeconds }: RateUse): Error {
  const headers = { "Retry-After": String(resetSeconds) };
  return refusal("rate_limited", `The API key may make ${limit} requests a second.`, { headers });
}

import type { Caller, Scope } from "@homing/core/organizations/api-keys";
import type { Request, Response } from "express";
import { type Authenticate, findCaller, requireOperator, requireScope, shownKey } from "./authorize.js";
import type { Callers } from "./callers.js";
import { clientAddress } from "./client-address.js";
import type { FailedLogins } from "./failed-logins.js";
import type { IsOperator } from "./operator-key.js";
import { ProblemError, refusal } from "./problem.js";
import type { RateLimiter, RateUse } from "./rate-limit.js";
import type { RequestRecord } from "./request-record.js";
import type { Route } from "./route.js";
import type { Surface } from "./surface.js";

const DELIVERY_OFF_RETRY_SECONDS = 60;
/** By which a surface tells the names of the headers that it spells a use with. */
const NO_USE: RateUse = { isAllowed: true, limit: 0, remaining: 0, windowSeconds: 0, resetSeconds: 0 };

/** What stands before every route. */
export interface Gate {
  authenticate: Authenticate;
  /** Absent: nobody is recalled. */
  recall?: Callers["recall"];
  /** Absent: nobody is the operator. */
  isOperator?: IsOperator;
  /** null: keys have no limit */
  limiter: RateLimiter | null;
  /** Counts credentials that nobody has, by client address; absent: nobody counts. */
  failedLogins?: FailedLogins;
  /** false: routes that ask for a request to a receiver are refused. */
  deliveryEnabled: boolean;
}

/** A caller who was recalled. Whoever does something for it asks with that, or before, whether its key is good still. */
export interface Recalled {
  caller: Caller;
  /**
   * Asks now; once, however often it is called.
   * @throws ProblemError unauthenticated, rate_limited
   */
  confirm(): Promise<void>;
}

/** What stands before one route. */
export interface Admission {
  /** Who may be let in without being asked for: of routes that ask themselves (`confirmsKey`); null: nobody. */
  recall(req: Request, res: Response, record: RequestRecord): Recalled | null;
  /**
   * Lets one request in, or refuses it, before its body is read.
   * @param recalled whose request it is; null: to be found
   */
  admit(req: Request, res: Response, record: RequestRecord, recalled: Recalled | null): Promise<Caller | null>;
}

/**
 * The order is: who is it (or have there been too many unknown ones), has it asked too often, may it do this, is there delivery. A public
 * route has no caller, nor has the operator's.
 * @throws ProblemError unauthenticated, rate_limited, forbidden, unavailable
 */
export function createAdmission(surface: Surface, route: Route, gate: Gate): Admission {
  const { scope, asksForSending = false, isHeldToWebhook = false, confirmsKey = false } = route;
  const { isOperator = () => false } = gate;
  return {
    recall: confirmsKey ? (req, res, record) => recallCaller({ surface, gate }, req, res, record) : () => null,
    async admit(req, res, record, recalled) {
      if (scope === "operator") {
        await identify(gate, req, async (authorization) => requireOperator(authorization, isOperator));
      }
      const hasCaller = scope !== null && scope !== "operator";
      const caller = hasCaller ? await admitCaller({ surface, scope, gate, recalled }, req, res, record) : null;
      if (caller !== null && caller.webhookId !== null && !isHeldToWebhook) {
        throw refusal("forbidden", "The token is bound to one webhook, which is not what this is about.");
      }
      if (asksForSending && !gate.deliveryEnabled) {
        const headers = { "Retry-After": String(DELIVERY_OFF_RETRY_SECONDS) };
        throw refusal("unavailable", "Delivery is switched off in this environment.", { headers });
      }
      return caller;
    },
  };
}

async function admitCaller(
  { surface, scope, gate, recalled }: { surface: Surface; scope: Scope; gate: Gate; recalled: Recalled | null },
  req: Request,
  res: Response,
  record: RequestRecord,
): Promise<Caller> {
  const { limiter } = gate;
  const caller = recalled?.caller ?? (await askForCaller(gate, req));
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

function askForCaller(gate: Gate, req: Request): Promise<Caller> {
  return identify(gate, req, (authorization) => findCaller(authorization, gate.authenticate));
}

function recallCaller(
  { surface, gate }: { surface: Surface; gate: Gate },
  req: Request,
  res: Response,
  record: RequestRecord,
): Recalled | null {
  const key = shownKey(req.headers.authorization);
  const caller = key === undefined ? null : (gate.recall?.(key) ?? null);
  if (caller === null) return null;
  let confirming: Promise<Caller> | null = null;
  return {
    caller,
    async confirm() {
      confirming ??= askForCaller(gate, req);
      try {
        await confirming;
      } catch (error) {
        // It is refused like a key that nobody ever had.
        record.organizationId = null;
        for (const name of Object.keys(surface.spellRateUse?.(NO_USE) ?? {})) res.removeHeader(name);
        throw error;
      }
    },
  };
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

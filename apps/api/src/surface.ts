import type Joi from "joi";
import type { Problem, ProblemCode } from "./problem.js";
import type { RateUse } from "./rate-limit.js";
import type { Route } from "./route.js";

/** What a surface may know of the request whose problem it spells. */
export interface ProblemRequest {
  requestId: string;
  method: string;
  /** The path as it came, without the query. */
  path: string;
}

/** A problem in the words of one surface. `headers` are added to those of the problem. */
export interface EncodedProblem {
  status: number;
  contentType: string;
  body: unknown;
  headers?: Record<string, string>;
}

/**
 * A set of routes with one way to spell errors, the framework's own included (404, 405, 413, 415, malformed JSON, 401, 429, 500).
 * `owns` tells by the path alone, so that a path without a route is refused in the right shape; the native surface takes what no contract owns.
 */
export interface Surface {
  name: string;
  owns(path: string): boolean;
  routes: readonly Route[];
  encodeProblem(problem: Problem, request: ProblemRequest): EncodedProblem;
  /** How the OpenAPI document describes a problem of this code; agrees with `encodeProblem`. */
  documentProblem(code: ProblemCode): { status: number; contentType: string; schema: Joi.Schema };
  /** The headers that tell a key how much of its limit is left; absent: it is told `Retry-After` when there is nothing. */
  spellRateUse?(use: RateUse): Record<string, string>;
}

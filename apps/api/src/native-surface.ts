import Joi from "joi";
import { PROBLEM_KINDS } from "./problem.js";
import type { RateUse } from "./rate-limit.js";
import type { Route } from "./route.js";
import type { Surface } from "./surface.js";

const CONTENT_TYPE = "application/problem+json";

const problemSchema = Joi.object({
  type: Joi.string().required().description("Where the code is explained"),
  title: Joi.string().required(),
  status: Joi.number().integer().required(),
  detail: Joi.string().required(),
  code: Joi.string()
    .valid(...Object.keys(PROBLEM_KINDS))
    .required()
    .description("Stable; decide by this member"),
  request_id: Joi.string().required(),
  errors: Joi.array()
    .items(
      Joi.object({
        in: Joi.string().valid("body", "query", "path", "header").required(),
        pointer: Joi.string().allow("").required().description("JSON pointer (RFC 6901)"),
        detail: Joi.string().required(),
      }),
    )
    .description("The faulty parts of the request"),
}).id("Problem");

/** Homing's own surface: every path that no contract owns, with problem details (RFC 9457). */
export function createNativeSurface(routes: readonly Route[]): Surface {
  return {
    name: "native",
    owns: () => true,
    routes,
    encodeProblem(problem, { requestId }) {
      const { status, title } = PROBLEM_KINDS[problem.code];
      const { code, detail, faults } = problem;
      const body = { type: `/docs/problems#${code}`, title, status, detail, code, request_id: requestId };
      return { status, contentType: CONTENT_TYPE, body: faults.length > 0 ? { ...body, errors: faults } : body };
    },
    documentProblem(code) {
      return { status: PROBLEM_KINDS[code].status, contentType: CONTENT_TYPE, schema: problemSchema };
    },
    spellRateUse,
  };
}

/** As draft-ietf-httpapi-ratelimit-headers-10 has it: structured fields with one policy. */
function spellRateUse({ limit, remaining, windowSeconds, resetSeconds }: RateUse): Record<string, string> {
  return {
    "RateLimit-Policy": `"key";q=${limit};w=${windowSeconds}`,
    RateLimit: `"key";r=${remaining};t=${resetSeconds}`,
  };
}

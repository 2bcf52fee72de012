import { STATUS_CODES } from "node:http";
import Joi from "joi";
import { PROBLEM_KINDS, type Problem, type ProblemCode } from "../../problem.js";
import type { EncodedProblem, Surface } from "../../surface.js";

const CONTENT_TYPE = "application/problem+json";

/** Where the contract has a word of its own. */
const CODES: Partial<Record<ProblemCode, string>> = {
  webhook_archived: "webhook_deleted",
  quota_exhausted: "insufficient_credits",
};

const problemSchema = Joi.object({
  type: Joi.string().required(),
  title: Joi.string().required(),
  status: Joi.number().integer().required(),
  detail: Joi.string().required(),
  code: Joi.string().required().description("Stable; decide by this member"),
  request_id: Joi.string()
    .pattern(/^req_[0-9A-HJKMNP-TV-Z]{26}$/)
    .required(),
  errors: Joi.array()
    .items(
      Joi.object({
        in: Joi.string().valid("body", "query", "path", "header").required(),
        pointer: Joi.string().allow("").required(),
        detail: Joi.string().required(),
      }),
    )
    .description("The faulty parts of the request"),
}).id("KallimaProblem");

/** Problem details (RFC 9457) with the contract's codes. The title is the status's own, as the RFC asks of `about:blank`. */
export function encodeProblem(problem: Problem, { requestId }: { requestId: string }): EncodedProblem {
  const { status } = PROBLEM_KINDS[problem.code];
  const body = {
    type: "about:blank",
    title: STATUS_CODES[status],
    status,
    detail: problem.detail,
    code: CODES[problem.code] ?? problem.code,
    request_id: requestId,
  };
  const { faults } = problem;
  return { status, contentType: CONTENT_TYPE, body: faults.length > 0 ? { ...body, errors: faults } : body };
}

/** Agrees with `encodeProblem`. */
export function documentProblem(code: ProblemCode): ReturnType<Surface["documentProblem"]> {
  return { status: PROBLEM_KINDS[code].status, contentType: CONTENT_TYPE, schema: problemSchema };
}

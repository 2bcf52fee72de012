import Joi from "joi";
import { type Problem, PROBLEM_KINDS, type ProblemCode, type ProblemFault } from "../../problem.js";
import type { EncodedProblem, ProblemRequest, Surface } from "../../surface.js";

const CONTENT_TYPE = "application/json";

/** Where the contract's status is not the native one. */
const STATUSES: Partial<Record<ProblemCode, number>> = {
  validation_error: 400,
  idempotency_conflict: 400,
  delivery_in_flight: 400,
  delivery_finished: 400,
  webhook_disabled: 400,
  webhook_archived: 404,
};

const errorSchema = Joi.object({
  code: Joi.number().integer().required().description("The HTTP status"),
  message: Joi.string().required(),
  requestId: Joi.string().required().example("req_01JBAAAA000000000000000000"),
  details: Joi.array()
    .items(Joi.object({ field: Joi.string().allow("").required(), message: Joi.string().required() }))
    .required()
    .description("The faulty parts of the request"),
}).id("B3osError");

/** Any problem in the one error shape of the contract: `{code, message, requestId, details}`. */
export function encodeProblem(problem: Problem, { requestId }: ProblemRequest): EncodedProblem {
  const status = statusOf(problem);
  const details = problem.faults.map((fault) => ({ field: fieldOf(fault), message: fault.detail }));
  const [first] = details;
  const message = first === undefined ? problem.detail : `${first.field} ${first.message}`.trim();
  return { status, contentType: CONTENT_TYPE, body: { code: status, message, requestId, details } };
}

/** Agrees with `encodeProblem`, but for malformed ids: those are documented as unknown ones. */
export function documentProblem(code: ProblemCode): ReturnType<Surface["documentProblem"]> {
  return { status: statusOfCode(code), contentType: CONTENT_TYPE, schema: errorSchema };
}

/** No row has an id that the path cannot spell. */
function statusOf({ code, faults }: Problem): number {
  return faults.some((fault) => fault.in === "path") ? statusOfCode("not_found") : statusOfCode(code);
}

function statusOfCode(code: ProblemCode): number {
  return STATUSES[code] ?? PROBLEM_KINDS[code].status;
}

/** `/subscribedEventTypes/0` as `subscribedEventTypes.0`. */
function fieldOf({ pointer }: ProblemFault): string {
  return pointer.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~");
}

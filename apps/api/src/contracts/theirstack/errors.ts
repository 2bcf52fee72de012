import Joi from "joi";
import type { Problem, ProblemCode, ProblemFault } from "../../problem.js";
import type { EncodedProblem, ProblemRequest, Surface } from "../../surface.js";
import { toRequestNumber } from "./request-number.js";

const CONTENT_TYPE = "application/json";
const CODES = Array.from({ length: 16 }, (_, index) => `E-${String(index + 1).padStart(3, "0")}`);

interface ErrorKind {
  status: number;
  /** One of CODES. */
  code: string;
  title: string;
}

const NOT_ALLOWED: ErrorKind = { status: 400, code: "E-001", title: "Not allowed exception" };

/** The contract names E-001 and the range; what the others mean is listed in docs/contracts/theirstack.md. */
const ERRORS: Readonly<Record<ProblemCode, ErrorKind>> = {
  forbidden: NOT_ALLOWED,
  webhook_disabled: NOT_ALLOWED,
  webhook_archived: NOT_ALLOWED,
  delivery_in_flight: NOT_ALLOWED,
  delivery_finished: NOT_ALLOWED,
  unauthenticated: { status: 401, code: "E-002", title: "Not authenticated" },
  not_found: { status: 400, code: "E-003", title: "Not found" },
  quota_exhausted: { status: 402, code: "E-004", title: "Payment required" },
  validation_error: { status: 422, code: "E-005", title: "Validation error" },
  malformed_json: { status: 422, code: "E-006", title: "Malformed JSON" },
  unsupported_media_type: { status: 422, code: "E-007", title: "Unsupported media type" },
  malformed_request: { status: 400, code: "E-008", title: "Malformed request" },
  route_not_found: { status: 404, code: "E-009", title: "No such path" },
  method_not_allowed: { status: 405, code: "E-010", title: "Method not allowed" },
  payload_too_large: { status: 413, code: "E-011", title: "Payload too large" },
  rate_limited: { status: 429, code: "E-012", title: "Too many requests" },
  idempotency_conflict: { status: 422, code: "E-013", title: "Conflict" },
  unavailable: { status: 503, code: "E-015", title: "Service unavailable" },
  internal_error: { status: 500, code: "E-016", title: "Internal server error" },
};

const errorSchema = Joi.object({
  request_id: Joi.number().integer().allow(null).required().description("Names the request in the server's log"),
  error: Joi.object({
    code: Joi.string()
      .valid(...CODES)
      .required(),
    title: Joi.string().required(),
    description: Joi.string().required(),
  }).required(),
}).id("TheirstackError");

/** Any problem in the one error shape of the contract: `{request_id, error: {code, title, description}}`. */
export function encodeProblem(problem: Problem, { requestId }: ProblemRequest): EncodedProblem {
  const { status, code, title } = ERRORS[problem.code];
  const description = problem.faults.length === 0 ? problem.detail : problem.faults.map(describeFault).join("; ");
  const body = { request_id: toRequestNumber(requestId), error: { code, title, description } };
  return { status, contentType: CONTENT_TYPE, body };
}

/** Agrees with `encodeProblem`. */
export function documentProblem(code: ProblemCode): ReturnType<Surface["documentProblem"]> {
  return { status: ERRORS[code].status, contentType: CONTENT_TYPE, schema: errorSchema };
}

/** `body.webhook_event_ids.0 must be a number` */
function describeFault(fault: ProblemFault): string {
  const steps = fault.pointer.split("/").slice(1);
  const place = steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return `${[fault.in, ...place].join(".")} ${fault.detail}`;
}

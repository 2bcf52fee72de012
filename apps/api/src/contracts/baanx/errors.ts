import Joi from "joi";
import { DomainError } from "@homing/core/errors";
import type { Problem, ProblemCode, ProblemFault } from "../../problem.js";
import type { EncodedProblem, Surface } from "../../surface.js";

const CONTENT_TYPE = "application/json";

/** Each problem's status and, where the request's own detail does not say it better, its words. */
const PROBLEMS: Readonly<Record<ProblemCode, { status: number; message?: string }>> = {
  malformed_request: { status: 400 },
  malformed_json: { status: 400, message: "Invalid JSON body" },
  unsupported_media_type: { status: 400, message: "Content-Type must be application/json" },
  validation_error: { status: 400 },
  webhook_disabled: { status: 400, message: "Webhook is not active" },
  idempotency_conflict: { status: 400 },
  unauthenticated: { status: 401, message: "Not authenticated" },
  forbidden: { status: 403, message: "Not authorized" },
  quota_exhausted: { status: 403, message: "The delivery quota is used up" },
  not_found: { status: 404 },
  webhook_archived: { status: 404, message: "Webhook not found" },
  route_not_found: { status: 404, message: "Not found" },
  method_not_allowed: { status: 405, message: "Method not allowed" },
  delivery_in_flight: { status: 409 },
  delivery_finished: { status: 409 },
  payload_too_large: { status: 413, message: "Request body is too large" },
  rate_limited: { status: 429, message: "Too many requests" },
  internal_error: { status: 500, message: "Internal server error" },
  unavailable: { status: 503, message: "Notification service is not configured for this environment" },
};

const errorSchema = Joi.object({ message: Joi.string().required().example("Event not found") }).id("BaanxError");

/** A problem as Baanx answers it: one sentence. */
export function encodeProblem(problem: Problem): EncodedProblem {
  return { status: PROBLEMS[problem.code].status, contentType: CONTENT_TYPE, body: { message: messageOf(problem) } };
}

function messageOf({ code, detail, faults, headers }: Problem): string {
  const [fault] = faults;
  if (fault !== undefined) return describe(fault);
  // Its media type is not what was wrong with this body.
  if (headers["Accept-Encoding"] !== undefined) return detail;
  return PROBLEMS[code].message ?? detail;
}

export const documentProblem: Surface["documentProblem"] = (code) => ({
  status: PROBLEMS[code].status,
  contentType: CONTENT_TYPE,
  schema: errorSchema,
});

/** What is answered to an id of no event. */
export function eventNotFound(): DomainError {
  return new DomainError("not_found", "Event not found");
}

/** What is answered to an id of no webhook. */
export function webhookNotFound(): DomainError {
  return new DomainError("not_found", "Webhook not found");
}

/** The first fault says it all: `webhookId must be a valid UUID`. */
function describe({ in: part, pointer, detail }: ProblemFault): string {
  const name = pointer === "" ? `Request ${part}` : pointer.slice(1).replaceAll("/", ".");
  return `${name} ${detail}`;
}

import type { DomainErrorCode } from "@homing/core/errors";

/** Every reason for which a request is refused or fails: the business's own, and those of HTTP. */
export type ProblemCode =
  | DomainErrorCode
  | "route_not_found"
  | "method_not_allowed"
  | "payload_too_large"
  | "unsupported_media_type"
  | "malformed_json"
  | "malformed_request"
  | "rate_limited"
  | "internal_error";

/** One faulty part of a request. `pointer` is an RFC 6901 JSON pointer into the part that `in` names; "" is all of it. */
export interface ProblemFault {
  in: "body" | "query" | "path" | "header";
  pointer: string;
  detail: string;
}

/** A refusal before a surface has spelt it. `headers` go out with it whatever the surface. */
export interface Problem {
  code: ProblemCode;
  detail: string;
  faults: readonly ProblemFault[];
  headers: Readonly<Record<string, string>>;
}

/** The native status and title of each problem; the one table of statuses. */
export const PROBLEM_KINDS: Readonly<Record<ProblemCode, { status: number; title: string }>> = {
  malformed_request: { status: 400, title: "The request cannot be read" },
  malformed_json: { status: 400, title: "The body is not valid JSON" },
  unauthenticated: { status: 401, title: "No valid API key was given" },
  quota_exhausted: { status: 402, title: "The delivery quota is used up" },
  forbidden: { status: 403, title: "The API key lacks the scope" },
  not_found: { status: 404, title: "There is no such thing" },
  route_not_found: { status: 404, title: "There is no such path" },
  method_not_allowed: { status: 405, title: "The path does not take this method" },
  delivery_in_flight: { status: 409, title: "The delivery is being sent" },
  delivery_finished: { status: 409, title: "The delivery is finished" },
  webhook_disabled: { status: 409, title: "The webhook is disabled" },
  webhook_archived: { status: 409, title: "The webhook is archived" },
  payload_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body has a media type that is not taken" },
  validation_error: { status: 422, title: "The request is not valid" },
  idempotency_conflict: { status: 422, title: "The idempotency key was used for another request" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal_error: { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "The service cannot take this now" },
};

const HEADERS: Partial<Record<ProblemCode, Record<string, string>>> = {
  unauthenticated: { "WWW-Authenticate": "Bearer" },
  unavailable: { "Retry-After": "1" },
};

/** What the framework and the routes throw to refuse a request. */
export class ProblemError extends Error {
  override name = "ProblemError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** A problem with the headers that its code always carries. */
export function createProblem(
  code: ProblemCode,
  detail: string,
  more: { faults?: readonly ProblemFault[]; headers?: Record<string, string> } = {},
): Problem {
  return { code, detail, faults: more.faults ?? [], headers: { ...HEADERS[code], ...more.headers } };
}

/** The error for a request that is refused with `code`. */
export function refusal(...problem: Parameters<typeof createProblem>): ProblemError {
  return new ProblemError(createProblem(...problem));
}

/** The error for input that breaks its schema, naming its faulty parts. */
export function invalidInput(faults: readonly ProblemFault[]): ProblemError {
  return refusal("validation_error", "Parts of the request are not valid; see errors.", { faults });
}

/** A path of member names and indexes as a JSON pointer (RFC 6901 §3). */
export function toPointer(path: readonly (string | number)[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

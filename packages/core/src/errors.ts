/** Everything a verb refuses for a reason its caller can act on. Each surface spells these in its own error shape. */
export type DomainErrorCode =
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "validation_error"
  | "idempotency_conflict"
  | "delivery_in_flight"
  | "delivery_finished"
  | "webhook_disabled"
  | "webhook_archived"
  | "quota_exhausted"
  | "unavailable";

/** One faulty part of the input. `pointer` is an RFC 6901 JSON pointer into the request's body. */
export interface Fault {
  pointer: string;
  detail: string;
}

/**
 * A refusal, told by its code alone: nobody reads the message to decide.
 * `faults` name the parts of the body that were wrong, where that is what happened.
 */
export class DomainError extends Error {
  override name = "DomainError";
  readonly code: DomainErrorCode;
  readonly faults: readonly Fault[];

  constructor(code: DomainErrorCode, message: string, faults: readonly Fault[] = []) {
    super(message);
    this.code = code;
    this.faults = faults;
  }
}

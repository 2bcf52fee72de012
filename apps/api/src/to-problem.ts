import { DomainError } from "@homing/core/errors";
import { isDatabaseAway } from "@homing/db/faults";
import { BatchFullError } from "@homing/runtime/batch";
import { createProblem, type Problem, ProblemError } from "./problem.js";

/** What a thrown error means to the caller: whatever is not a refusal is ours, and its text stays here. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof DomainError) {
    const faults = error.faults.map((fault) => ({ in: "body" as const, ...fault }));
    return createProblem(error.code, error.message, { faults });
  }
  if (error instanceof BatchFullError) {
    return createProblem("unavailable", "Too much is waiting; try again in a moment.");
  }
  if (isDatabaseAway(error)) {
    return createProblem(
      "unavailable",
      "The database cannot be reached or does not answer in time. Try again in a moment.",
    );
  }
  return createProblem("internal_error", "The request failed for a reason of ours; it has been recorded.");
}

import { type SendResult, isGone, isSuccess } from "../outcome.js";
import { resolveRetryPolicy, retryDelayMs } from "../retry-schedule.js";
import type { Claim } from "./claim.js";

/** What an attempt's result means for its delivery. */
export type Settlement =
  | { state: "succeeded" }
  | { state: "pending"; delayMs: number; error: string }
  | { state: "failed"; error: string; isGone: boolean };

/** Decides, from its result alone, where a delivery goes after an attempt. */
export function settle(
  claim: Pick<Claim, "retryPolicy" | "place">,
  result: SendResult,
  chance: { nowMs: number; random: number },
): Settlement {
  if (isSuccess(result)) return { state: "succeeded" };
  const error = describe(result);
  // Our own stop is not the receiver's fault: it costs no place in the schedule.
  if (result.outcome === "aborted") return { state: "pending", delayMs: 0, error };
  const delayMs = retryDelayMs(resolveRetryPolicy(claim.retryPolicy), { n: claim.place, result, ...chance });
  return delayMs === null ? { state: "failed", error, isGone: isGone(result) } : { state: "pending", delayMs, error };
}

function describe(result: SendResult): string {
  return result.outcome === "responded" ? `responded ${result.status}` : `${result.outcome}: ${result.error}`;
}

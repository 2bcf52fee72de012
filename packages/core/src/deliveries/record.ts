import type { Context, Hint } from "../context.js";
import type { SendResult } from "../outcome.js";
import type { Claim } from "./claim.js";
import { HINT_HORIZON_MS, handOver } from "./hint.js";
import { type Settlement, settle } from "./settle.js";
import { type WrittenRow, writeAttempts } from "./write-attempts.js";

/** One attempt that was made. */
export interface MadeAttempt {
  claim: Claim;
  result: SendResult;
  /** As they were sent, credentials redacted. */
  requestHeaders: Record<string, string>;
  /** By the worker's clock; its signature carries it. */
  sentAtMs: number;
}

/** A made attempt and what it means for its delivery. */
export interface SettledAttempt extends MadeAttempt {
  settlement: Settlement;
}

/** What was written: where the delivery went, or that a newer attempt had taken over and only the attempt was kept. */
export type RecordOutcome = { outcome: "settled"; settlement: Settlement } | { outcome: "late" };

/**
 * Writes attempts down and moves their deliveries, in one statement. A delivery moves only while it is in flight with this very
 * attempt; a result that comes after its lease was lost is kept as an attempt and changes nothing else. A 410 disables the webhook:
 * its other deliveries are held by their next claim.
 * @returns one outcome for each attempt, in order
 */
export async function recordAttempts(
  context: Pick<Context, "db" | "enqueue" | "log" | "random">,
  attempts: readonly MadeAttempt[],
): Promise<RecordOutcome[]> {
  const rows = attempts.map((attempt) => ({
    ...attempt,
    settlement: settle(attempt.claim, attempt.result, { nowMs: Date.now(), random: context.random() }),
  }));
  const written = await writeAttempts(context.db, rows);
  const settled = new Set(written.filter(({ is_settled }) => is_settled).map(attemptName));
  const isSettled = ({ claim }: MadeAttempt) =>
    settled.has(attemptName({ delivery_id: claim.deliveryId, series: claim.series, number: claim.number }));
  const current = rows.filter(isSettled);
  void handOver(context, current.flatMap(soonRetry));
  return rows.map((row) => (isSettled(row) ? { outcome: "settled", settlement: row.settlement } : { outcome: "late" }));
}

/** Names one attempt of one delivery. */
export function attemptName(row: Pick<WrittenRow, "delivery_id" | "series" | "number">): string {
  return `${row.delivery_id} ${row.series} ${row.number}`;
}

function soonRetry({ claim, settlement }: SettledAttempt): Hint[] {
  if (settlement.state !== "pending" || settlement.delayMs > HINT_HORIZON_MS) return [];
  // Its place is the head of its webhook's line.
  if (claim.isOrdered) return [];
  const { deliveryId, organizationId, webhookId, series, number } = claim;
  return [{ deliveryId, organizationId, webhookId, series, number: number + 1, delayMs: settlement.delayMs }];
}

import type { Hint } from "../context.js";

/** A worker takes a job whole, so with more others would wait for too long where slots are few. */
const HINTS_PER_JOB_MAX = 10;

/**
 * Groups hints that may go through the queue as one job: those for now of one organization and one set, in their order. What is
 * delayed, was pulled from a line or lost its worker goes alone.
 */
export function groupHints(hints: readonly Hint[]): Hint[][] {
  const groups: Hint[][] = [];
  const filling = new Map<string, Hint[]>();
  for (const hint of hints) {
    const key = `${hint.organizationId} ${hint.set ?? ""}`;
    const group = goesAlone(hint) ? undefined : filling.get(key);
    if (group !== undefined && group.length < HINTS_PER_JOB_MAX) {
      group.push(hint);
      continue;
    }
    const next = [hint];
    groups.push(next);
    if (!goesAlone(hint)) filling.set(key, next);
  }
  return groups;
}

function goesAlone({ delayMs, isPulled, isTakenOver, isSuspect }: Hint): boolean {
  return delayMs > 0 || isPulled === true || isTakenOver === true || isSuspect === true;
}

import { groupBy } from "./group-by.js";
import type { AttemptRow, Ledger } from "./ledger.js";
import type { StruckFault } from "./strike.js";

/** What a killed worker left behind. */
export interface Orphans {
  /** Deliveries that were in flight at the kill and have no row of an attempt begun before it. */
  count: number;
  /** The longest time from the kill until one of them was tried again; null when there were none, or one never was. */
  triedAgainMs: number | null;
}

/** Finds out how long the deliveries that a killed worker had in flight waited for another one. */
function findOrphans(fault: StruckFault, attemptsOf: ReadonlyMap<string, readonly AttemptRow[]>): Orphans {
  const waits = fault.inFlight.flatMap(({ id, series, attempts }) => {
    const rows = (attemptsOf.get(id) ?? []).filter((row) => row.series > series || row.number >= attempts);
    const isAnothers = rows.some(
      (row) => row.series === series && row.number === attempts && row.startedMs <= fault.struckMs,
    );
    return isAnothers ? [] : [Math.min(...rows.map(({ startedMs }) => startedMs)) - fault.struckMs];
  });
  const longestMs = Math.max(...waits);
  return { count: waits.length, triedAgainMs: Number.isFinite(longestMs) ? longestMs : null };
}

/** Of each worker that was killed. */
export function findAllOrphans({ faults, attempts }: Pick<Ledger, "faults" | "attempts">): Map<StruckFault, Orphans> {
  const attemptsOf = groupBy(attempts, ({ deliveryId }) => deliveryId);
  return new Map(
    faults.filter(({ isWorkerKill }) => isWorkerKill).map((fault) => [fault, findOrphans(fault, attemptsOf)]),
  );
}

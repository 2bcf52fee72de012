import { accountFor } from "./account.js";
import { createFindings, type FindingKind, type Findings } from "./findings.js";
import type { Ledger } from "./ledger.js";
import { countRepeats, type Repeats } from "./repeats.js";
import type { StruckFault } from "./strike.js";
import { findAllOrphans } from "./tried-again.js";

/** One line of the table: all strikes of a fault. */
export interface FaultLine {
  fault: string;
  count: number;
  /** The longest; null when one did not recover in time. */
  recoverySeconds: number | null;
  duplicates: number;
  unrecorded: number;
  /** The most at one strike. */
  inFlight: number;
  publishErrors: number;
  /** Deliveries that killed workers left behind, and the longest wait of one until it was tried again. */
  orphans: number | null;
  triedAgainSeconds: number | null;
}

export interface Totals {
  acknowledged: number;
  unacknowledged: number;
  deliveries: number;
  succeeded: number;
  failed: number;
  /** Waiting for a receiver that never gets well. */
  behindCircuit: number;
  requests: number;
  signaturesChecked: number;
  lost: number;
  stuck: number;
  duplicates: number;
  unexpectedBodies: number;
}

export interface Verdict {
  faults: FaultLine[];
  totals: Totals;
  findings: { kind: FindingKind; count: number; examples: string[] }[];
}

/** Decides from the ledger alone whether everything that was promised was kept. */
export function judge(ledger: Ledger, findings: Findings = createFindings()): Verdict {
  accountFor(ledger, findings);
  for (const { name, recoveryMs } of ledger.faults) if (recoveryMs === null) findings.add("not_recovered", name);
  const repeats = countRepeats(ledger, findings);
  return { faults: faultLines(ledger, repeats), totals: totalsOf(ledger, repeats, findings), findings: findings.all() };
}

function faultLines(ledger: Ledger, repeats: Repeats): FaultLine[] {
  const { faults, published } = ledger;
  const orphans = findAllOrphans(ledger);
  const errors = new Map<StruckFault | undefined, number>();
  for (const atMs of published.errorTimesMs) {
    const fault = faults.findLast(({ beganMs }) => beganMs <= atMs) ?? faults[0];
    errors.set(fault, (errors.get(fault) ?? 0) + 1);
  }
  return [...new Set(faults.map(({ name }) => name))].toSorted().map((name): FaultLine => {
    const own = faults.filter((fault) => fault.name === name);
    const left = own.flatMap((fault) => orphans.get(fault) ?? []);
    const sum = (count: (fault: StruckFault) => number): number => own.reduce((all, fault) => all + count(fault), 0);
    return {
      fault: name,
      count: own.length,
      recoverySeconds: longestSeconds(own.map(({ recoveryMs }) => recoveryMs)),
      duplicates: sum((fault) => repeats.duplicates.get(fault)?.length ?? 0),
      unrecorded: sum((fault) => repeats.unrecorded.get(fault)?.length ?? 0),
      inFlight: Math.max(...own.map(({ inFlight }) => inFlight.length)),
      publishErrors: sum((fault) => errors.get(fault) ?? 0),
      orphans: left.length === 0 ? null : left.reduce((all, { count }) => all + count, 0),
      triedAgainSeconds: left.length === 0 ? null : longestSeconds(left.map(({ triedAgainMs }) => triedAgainMs)),
    };
  });
}

function longestSeconds(times: readonly (number | null)[]): number | null {
  if (times.includes(null)) return null;
  return Math.round(Math.max(...times.map((time) => time ?? 0)) / 10) / 100;
}

function totalsOf({ published, deliveries, requests }: Ledger, { duplicates }: Repeats, findings: Findings): Totals {
  const inState = (wanted: string): number => deliveries.filter(({ state }) => state === wanted).length;
  return {
    acknowledged: published.acknowledged.length,
    unacknowledged: published.unacknowledged.length,
    deliveries: deliveries.length,
    succeeded: inState("succeeded"),
    failed: inState("failed"),
    behindCircuit: inState("behind_circuit"),
    requests: requests.length,
    signaturesChecked: requests.filter(({ signature }) => signature !== "unchecked").length,
    lost: findings.count("lost"),
    stuck: findings.count("stuck"),
    duplicates: [...duplicates.values()].flat().length,
    unexpectedBodies: findings.count("unexpected_body"),
  };
}

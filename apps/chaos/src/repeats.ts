import { isTaken } from "./account.js";
import type { Findings } from "./findings.js";
import { groupBy } from "./group-by.js";
import type { AttemptRow, Ledger } from "./ledger.js";
import type { RequestRecord } from "./request-record.js";
import type { StruckFault } from "./strike.js";

const EXAMPLES_MAX = 3;

interface Repeat {
  deliveryId: string;
  atMs: number;
}

/** Deliveries, as often as they did it, by fault; before the first fault: null. */
type ByFault = ReadonlyMap<StruckFault | null, string[]>;

/** What was sent again though it had been taken, and what left without a trace in the database. */
export interface Repeats {
  /** A delivery for each 2xx of its beyond the first. */
  duplicates: ByFault;
  /** A delivery for each request of its without an attempt row. */
  unrecorded: ByFault;
}

/**
 * Counts them by fault: a repeat belongs to the last fault at which its delivery was in flight, or else the last one before it.
 * More than were in flight at the fault, or any where none may be, is a finding.
 */
export function countRepeats(ledger: Ledger, findings: Findings): Repeats {
  const { faults } = ledger;
  const requestsOf = groupBy(ledger.requests, ({ deliveryId }) => deliveryId);
  const attemptsOf = groupBy(ledger.attempts, ({ deliveryId }) => deliveryId);
  const duplicates: Repeat[] = [];
  const unrecorded: Repeat[] = [];
  for (const deliveryId of new Set([...requestsOf.keys(), ...attemptsOf.keys()])) {
    const requests = (requestsOf.get(deliveryId) ?? []).toSorted((one, other) => one.receivedMs - other.receivedMs);
    const rows = attemptsOf.get(deliveryId) ?? [];
    const taken = requests.filter((request) => isTaken(request) && request.isComplete);
    duplicates.push(...taken.slice(1).map(({ receivedMs }) => ({ deliveryId, atMs: receivedMs })));
    unrecorded.push(...timesOfUnrecorded(requests, rows).map((atMs) => ({ deliveryId, atMs })));
    const unsent = rows.filter(({ outcome }) => outcome === "responded").length - requests.length;
    if (unsent > 0) findings.add("never_sent", `delivery ${deliveryId} has ${unsent} answered attempts too many`);
  }
  const byFault = (repeats: Repeat[]): ByFault => {
    const groups = groupBy(repeats, (repeat) => causeOf(repeat, faults));
    return new Map([...groups].map(([fault, group]) => [fault, group.map(({ deliveryId }) => deliveryId)]));
  };
  const story = (deliveryId: string): string =>
    tell(deliveryId, requestsOf.get(deliveryId) ?? [], attemptsOf.get(deliveryId) ?? []);
  const repeats: Repeats = { duplicates: byFault(duplicates), unrecorded: byFault(unrecorded) };
  for (const fault of [null, ...faults]) {
    limit(findings, { kind: "repeated_too_often", fault, deliveries: repeats.duplicates.get(fault) ?? [], story });
    limit(findings, { kind: "unrecorded_too_often", fault, deliveries: repeats.unrecorded.get(fault) ?? [], story });
  }
  return repeats;
}

function causeOf({ deliveryId, atMs }: Repeat, faults: readonly StruckFault[]): StruckFault | null {
  const before = faults.filter(({ beganMs }) => beganMs <= atMs);
  return before.findLast(({ inFlight }) => inFlight.some(({ id }) => id === deliveryId)) ?? before.at(-1) ?? null;
}

function limit(
  findings: Findings,
  found: {
    kind: "repeated_too_often" | "unrecorded_too_often";
    fault: StruckFault | null;
    deliveries: string[];
    story: (deliveryId: string) => string;
  },
): void {
  const { kind, fault, deliveries, story } = found;
  const max = fault?.repeatsMax ?? 0;
  if (deliveries.length <= max) return;
  const when = fault === null ? "before the first fault" : `${fault.name} at ${clock(fault.beganMs)}`;
  const examples = deliveries.slice(0, EXAMPLES_MAX).map((id) => `\n    ${story(id)}`);
  findings.add(kind, `${when}: ${deliveries.length}, at most ${max} were in flight${examples.join("")}`);
}

/** Each row explains the request that came nearest to its start; what is left was followed by a repeat, whose time counts. */
function timesOfUnrecorded(requests: readonly RequestRecord[], rows: readonly AttemptRow[]): number[] {
  const left = [...requests];
  if (left.length <= rows.length) return [];
  for (const { startedMs } of rows) {
    const distances = left.map(({ receivedMs }) => Math.abs(receivedMs - startedMs));
    left.splice(distances.indexOf(Math.min(...distances)), 1);
  }
  return left.map((request) => requests[requests.indexOf(request) + 1]?.receivedMs ?? request.receivedMs);
}

function tell(deliveryId: string, requests: readonly RequestRecord[], attempts: readonly AttemptRow[]): string {
  const seen = requests.map(
    ({ webhook, receivedMs, status }) => `${clock(receivedMs)} ${webhook} ${status ?? "unanswered"}`,
  );
  const kept = attempts.map(({ number, startedMs, outcome }) => `${clock(startedMs)} #${number} ${outcome}`);
  return `${deliveryId}: received ${seen.join(", ")}; recorded ${kept.join(", ") || "nothing"}`;
}

function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}

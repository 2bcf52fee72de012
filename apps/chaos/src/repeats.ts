import { isTaken } from "./account.js";
import type { Findings } from "./findings.js";
import { groupBy } from "./group-by.js";
import type { AttemptRow, Ledger } from "./ledger.js";
import type { RequestRecord } from "./request-record.js";
import type { StruckFault } from "./strike.js";

const EXAMPLES_MAX = 3;
const NONE: ReadonlySet<string> = new Set();
/** Most between the commit of a claim and its request, and between an answer and the commit of its record. */
const COMMIT_LAG_MS = 1_000;

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
 * One of a delivery that was not in flight, or more than one of it at a fault, is a finding.
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
  const mayRepeat = new Map(faults.map((fault) => [fault, inFlightAt(fault, ledger.requests)]));
  const byFault = (repeats: Repeat[]): ByFault => {
    const groups = groupBy(repeats, (repeat) => causeOf(repeat, faults, mayRepeat));
    return new Map([...groups].map(([fault, group]) => [fault, group.map(({ deliveryId }) => deliveryId)]));
  };
  const story = (deliveryId: string): string =>
    tell(deliveryId, requestsOf.get(deliveryId) ?? [], attemptsOf.get(deliveryId) ?? []);
  const repeats: Repeats = { duplicates: byFault(duplicates), unrecorded: byFault(unrecorded) };
  for (const fault of [null, ...faults]) {
    const shared = { fault, allowed: (fault && mayRepeat.get(fault)) ?? NONE, story };
    limit(findings, { kind: "repeated_too_often", deliveries: repeats.duplicates.get(fault) ?? [], ...shared });
    limit(findings, { kind: "unrecorded_too_often", deliveries: repeats.unrecorded.get(fault) ?? [], ...shared });
  }
  return repeats;
}

function causeOf(
  { deliveryId, atMs }: Repeat,
  faults: readonly StruckFault[],
  mayRepeat: ReadonlyMap<StruckFault, ReadonlySet<string>>,
): StruckFault | null {
  const before = faults.filter(({ beganMs }) => beganMs <= atMs);
  return before.findLast((fault) => mayRepeat.get(fault)?.has(deliveryId)) ?? before.at(-1) ?? null;
}

/** The deliveries that were in flight at a fault that may cause repeats. */
function inFlightAt(
  { mayRepeat, inFlight, beganMs, struckMs }: StruckFault,
  requests: Ledger["requests"],
): ReadonlySet<string> {
  const claimed = inFlight.map(({ id }) => id);
  switch (mayRepeat) {
    case "nothing":
      return NONE;
    case "claimed":
      return new Set(claimed);
    case "received": {
      // A delivery's last request is no reason for itself.
      const lastMs = new Map<string, number>();
      for (const { deliveryId, receivedMs } of requests)
        lastMs.set(deliveryId, Math.max(receivedMs, lastMs.get(deliveryId) ?? 0));
      const atReceivers = requests.filter(
        ({ deliveryId, receivedMs, endedMs }) =>
          receivedMs < (lastMs.get(deliveryId) ?? 0) &&
          receivedMs <= struckMs + COMMIT_LAG_MS &&
          endedMs >= beganMs - COMMIT_LAG_MS,
      );
      return new Set([...claimed, ...atReceivers.map(({ deliveryId }) => deliveryId)]);
    }
    default:
      return mayRepeat satisfies never;
  }
}

function limit(
  findings: Findings,
  found: {
    kind: "repeated_too_often" | "unrecorded_too_often";
    fault: StruckFault | null;
    allowed: ReadonlySet<string>;
    deliveries: string[];
    story: (deliveryId: string) => string;
  },
): void {
  const { kind, fault, allowed, deliveries, story } = found;
  const excess = deliveries.filter((id, index) => !allowed.has(id) || deliveries.indexOf(id) < index);
  if (excess.length === 0) return;
  const when = fault === null ? "before the first fault" : `${fault.name} at ${clock(fault.beganMs)}`;
  const examples = excess.slice(0, EXAMPLES_MAX).map((id) => `\n    ${story(id)}`);
  findings.add(
    kind,
    `${when}: ${excess.length} of ${deliveries.length} were not in flight, or came again twice${examples.join("")}`,
  );
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

const EXAMPLES_MAX = 5;

/** Something that must not be. */
export type FindingKind =
  /** An acknowledged event is not there, or a delivery of it, or what counts as succeeded never was. */
  | "lost"
  /** Unfinished when the time to drain was over. */
  | "stuck"
  /** It ended otherwise than its receiver allows. */
  | "ended_wrongly"
  /** Bytes that were not published came to a receiver. */
  | "unexpected_body"
  | "invalid_signature"
  /** One event stands twice in the database under one Idempotency-Key. */
  | "published_twice"
  /** More deliveries were answered with 2xx twice than were in flight when the fault struck. */
  | "repeated_too_often"
  /** More requests came without an attempt row than were in flight when the fault struck. */
  | "unrecorded_too_often"
  /** An attempt row says that a receiver answered, and the receiver knows nothing of it. */
  | "never_sent"
  /** After a fault, what was published at its end did not come through in time. */
  | "not_recovered"
  | "publish_refused"
  /** A process ended by itself, or not in good order. */
  | "process_ended"
  | "audit_failed";

export interface Findings {
  add(kind: FindingKind, example: string): void;
  /** How often each kind was found, and its first examples. */
  all(): { kind: FindingKind; count: number; examples: string[] }[];
  count(kind: FindingKind): number;
}

export function createFindings(): Findings {
  const found = new Map<FindingKind, { kind: FindingKind; count: number; examples: string[] }>();
  return {
    add(kind, example) {
      const finding = found.get(kind) ?? { kind, count: 0, examples: [] };
      finding.count += 1;
      if (finding.examples.length < EXAMPLES_MAX) finding.examples.push(example);
      found.set(kind, finding);
    },
    all: () => [...found.values()],
    count: (kind) => found.get(kind)?.count ?? 0,
  };
}

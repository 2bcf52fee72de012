/** One request as its receiver saw it, written when the exchange was over. */
export interface RequestRecord {
  /** The webhook's name: the path of its URL. */
  webhook: string;
  /** The header `webhook-id`; empty when it was missing. */
  eventId: string;
  /** The header `homing-delivery-id`; empty when it was missing. */
  deliveryId: string;
  /** The header `webhook-timestamp`; empty when it was missing. */
  timestamp: string;
  /** When the request was there as a whole. */
  receivedMs: number;
  /** When its connection was closed, or the answer was out. */
  endedMs: number;
  /** What the head of the answer said; null when none went out. */
  status: number | null;
  /** Whether all of the answer went out before the sender was gone. */
  isComplete: boolean;
  /** SHA-256, hexadecimal. */
  bodyHash: string;
  /** A sample is checked. */
  signature: "valid" | "invalid" | "unchecked";
}

/** What the runner tells the receivers' process. */
export type Order =
  | { kind: "secrets"; secrets: Record<string, string> }
  | { kind: "turn"; webhook: string; isIll: boolean }
  | { kind: "finish" };

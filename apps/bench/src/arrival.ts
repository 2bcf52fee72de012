import type { EventMark } from "./event-mark.js";

/** One request as the sink got it. */
export interface Arrival extends EventMark {
  /** The last part of the webhook's path. */
  webhook: string;
  receivedAtMs: number;
  /** What it was answered with; null: it was left hanging. */
  status: number | null;
}

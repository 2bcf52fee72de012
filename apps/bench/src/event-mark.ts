/** What an event's payload says of itself, so that its arrival can be told from all others. */
export interface EventMark {
  phase: string;
  stream: string;
  /** Counts the events of a stream in its phase, from 1, in the order of publishing. */
  number: number;
  /** When it was to be published, in milliseconds since 1970: a publish that came late is late for its receiver, too. */
  dueAtMs: number;
}

/** An event type: dot-separated words of letters, digits, `_` and `-`. */
export const EVENT_TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
/** Of a type and of a pattern. */
export const EVENT_TYPE_CHARS_MAX = 128;
/** A pattern: a type, a type followed by `.*`, or `*`. */
export const EVENT_TYPE_PATTERN = /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?)$/;

export const OWN_PREFIX = "homing.";

/** Whether events of this type are Homing's own: nobody else may publish them. */
export function isOwnType(eventType: string): boolean {
  return eventType.startsWith(OWN_PREFIX);
}

/**
 * Every pattern that takes events of this type: `invoice.paid.late` is taken by itself, `invoice.paid.*`, `invoice.*` and `*`.
 * Homing's own events are for those who ask for them by name: `*` does not take them.
 * A webhook matches when one of its patterns is among these, which Postgres finds in `webhook_patterns` while it inserts the
 * deliveries; one without patterns has `*`.
 */
export function patternsOf(eventType: string): string[] {
  const words = eventType.split(".");
  const prefixes = words.slice(1).map((_, index) => `${words.slice(0, index + 1).join(".")}.*`);
  return [eventType, ...prefixes, ...(isOwnType(eventType) ? [] : ["*"])];
}

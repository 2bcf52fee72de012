const EVENT_ID = /"id":"([^"]+)"/g;

/** The ids of the events that an answer to a publish acknowledges, in either spelling. */
export function eventIdsIn(answer: string): string[] {
  return Array.from(answer.matchAll(EVENT_ID), ([, id = ""]) => id);
}

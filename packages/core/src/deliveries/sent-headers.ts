/** With what a request went that has none recorded: rows are kept for as long as retention says, so this outlives a new name. */
const FIRST_USER_AGENT = "Homing/0.1";

/** Of what a request was sent. */
export interface Sent {
  deliveryId: string;
  /** `evt_…` */
  eventName: string;
  /** null: retention has taken the event. */
  eventType: string | null;
}

/** The headers that every request of a delivery carries and its row tells: they would be half of an attempt's row. */
function impliedHeaders({ deliveryId, eventName, eventType }: Sent): Record<string, string> {
  return {
    "content-type": "application/json",
    "user-agent": FIRST_USER_AGENT,
    ...(eventType !== null && { "homing-event-type": eventType }),
    "homing-delivery-id": deliveryId,
    "webhook-id": eventName,
  };
}

/** What an attempt keeps of the headers that it was made with: those that are not implied. */
export function keptHeaders(headers: Record<string, string>, sent: Sent): Record<string, string> {
  const implied = impliedHeaders(sent);
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => implied[name] !== value));
}

/** The headers that an attempt was made with, of those that it has kept. */
export function sentHeaders(kept: Record<string, string>, sent: Sent): Record<string, string> {
  return { ...impliedHeaders(sent), ...kept };
}

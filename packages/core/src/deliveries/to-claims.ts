import type { Context } from "../context.js";
import { formatEventId } from "../events/event-id.js";
import type { Claim } from "./claim.js";
import { failEventless } from "./fail-eventless.js";
import type { MovedRow } from "./move-due.js";

/** The claims among what was moved; where retention has taken the event there is nothing left to send, and the delivery fails. */
export async function toClaims({ db, log }: Pick<Context, "db" | "log">, moved: readonly MovedRow[]): Promise<Claim[]> {
  const inFlight = moved.filter(({ goes }) => goes === "in_flight");
  const claims = inFlight.flatMap(toClaim);
  const eventless = inFlight.flatMap(({ delivery_id: id, payload }) => (payload === null ? id : []));
  await afterClaim(log, failEventless(db, eventless));
  return claims;
}

/** What was claimed is committed and must be attempted, whatever becomes of the rest: the relay comes back to that. */
export async function afterClaim<Result>(log: Context["log"], work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    log.warn({ err: error }, "claim.not_followed_up");
    return null;
  }
}

function toClaim(row: MovedRow): Claim[] {
  const { event_type: eventType, payload } = row;
  if (eventType === null || payload === null) return [];
  const claim = {
    deliveryId: row.delivery_id,
    organizationId: row.organization_id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    eventName: formatEventId(row.event_id),
    eventType,
    payload,
    series: row.series,
    number: row.attempts_in_series,
    place: row.place,
    trigger: row.series_trigger,
    url: row.url,
    timeoutMs: row.timeout_ms,
    inFlightMax: row.in_flight_max,
    circuit: row.circuit,
    isOrdered: row.is_ordered,
    isReleasing: row.is_releasing,
    headersSealed: row.headers_sealed,
    authSealed: row.auth_sealed,
    tlsSealed: row.tls_sealed,
    signatureFormats: row.signature_formats,
    retryPolicy: row.retry_policy,
    secrets: row.secrets,
    signingKeys: row.signing_keys,
  };
  return [claim];
}

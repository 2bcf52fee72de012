import type { Context } from "../context.js";
import type { RetryPolicySetting } from "../retry-schedule.js";
import type { AttemptTrigger } from "./delivery.js";
import { failEventless } from "./fail-eventless.js";
import { HINT_HORIZON_MS } from "./hint.js";

/** The lease outlasts the request's own deadline by the time that claiming and recording may take. */
const LEASE_MARGIN_MS = 5_000;

/** A delivery that is this worker's until its lease ends, with all that an attempt needs. */
export interface Claim {
  deliveryId: string;
  organizationId: string;
  webhookId: string;
  eventId: string;
  eventType: string;
  payload: string;
  series: number;
  /** The attempt to make, counted in its series from 1. */
  number: number;
  /** Its place in the retry schedule, from 1: attempts that a stop of ours cut off took none. */
  place: number;
  trigger: AttemptTrigger;
  url: string;
  timeoutMs: number;
  headersSealed: string | null;
  signatureFormats: string[];
  retryPolicy: RetryPolicySetting;
  /** Newest first. */
  secrets: { id: string; sealed: string }[];
}

export type ClaimOutcome =
  | { outcome: "claimed"; claim: Claim }
  /** It is scheduled, but not yet due by the database's clock. */
  | { outcome: "too_early"; byMs: number }
  /** Finished, cancelled, held, or another worker's. */
  | { outcome: "nothing_to_do" };

interface ClaimedRow {
  delivery_id: string;
  organization_id: string;
  webhook_id: string;
  event_id: string;
  /** null, as the payload: retention has taken its event. */
  event_type: string | null;
  payload: string | null;
  series: number;
  attempts_in_series: number;
  place: number;
  series_trigger: AttemptTrigger;
  url: string;
  timeout_ms: number;
  headers_sealed: string | null;
  signature_formats: string[];
  retry_policy: RetryPolicySetting;
  secrets: { id: string; sealed: string }[];
}

/**
 * Takes what is due, or whose lease ran out, for one attempt each: the WHERE clause is the lock, so of two claims one wins.
 * A delivery whose webhook was disabled meanwhile is held instead, one whose webhook was archived is cancelled, and one whose event is
 * gone fails.
 * @returns one outcome for each id, in order
 */
export async function claimDeliveries(
  { db }: Pick<Context, "db">,
  deliveryIds: readonly string[],
): Promise<ClaimOutcome[]> {
  const rows = await claimDue(db, deliveryIds);
  const claimed = new Map(rows.flatMap(toClaim).map((claim) => [claim.deliveryId, claim]));
  await failEventless(
    db,
    rows.flatMap(({ delivery_id: id }) => (claimed.has(id) ? [] : id)),
  );
  const unclaimed = deliveryIds.filter((id) => !claimed.has(id));
  const early = await findEarly(db, unclaimed);
  const taken = new Set<string>();
  return deliveryIds.map((id): ClaimOutcome => {
    const claim = claimed.get(id);
    const byMs = early.get(id);
    // What is further off waits in Postgres, not in the queue.
    if (byMs !== undefined && byMs <= HINT_HORIZON_MS) return { outcome: "too_early", byMs };
    if (claim === undefined || taken.has(id)) return { outcome: "nothing_to_do" };
    // Two hints for one delivery may share a batch: one of them gets it.
    taken.add(id);
    return { outcome: "claimed", claim };
  });
}

function claimDue(db: Context["db"], deliveryIds: readonly string[]): Promise<ClaimedRow[]> {
  const ids = [...deliveryIds];
  return db.$queryRaw<ClaimedRow[]>`
    WITH due AS MATERIALIZED (
      SELECT id FROM deliveries
      WHERE id = ANY (${ids}::uuid[])
        AND ((state = 'pending' AND next_attempt_at <= now()) OR (state = 'in_flight' AND lease_until <= now()))
      ORDER BY id
      FOR UPDATE
    ),
    moved AS (
      UPDATE deliveries SET
        state = (CASE webhooks.state WHEN 'enabled' THEN 'in_flight' WHEN 'disabled' THEN 'held' ELSE 'cancelled' END)::delivery_state,
        attempts_in_series = attempts_in_series + CASE webhooks.state WHEN 'enabled' THEN 1 ELSE 0 END,
        lease_until = CASE webhooks.state WHEN 'enabled' THEN now() + (timeout_ms + ${LEASE_MARGIN_MS}) * interval '1 millisecond' END,
        relay_at = CASE webhooks.state WHEN 'enabled' THEN now() + (timeout_ms + ${LEASE_MARGIN_MS}) * interval '1 millisecond' END,
        next_attempt_at = NULL,
        queued_at = NULL,
        updated_at = now()
      FROM due, webhooks
      WHERE deliveries.id = due.id AND deliveries.id = ANY (${ids}::uuid[]) AND webhooks.id = deliveries.webhook_id
        AND ((deliveries.state = 'pending' AND next_attempt_at <= now()) OR (deliveries.state = 'in_flight' AND lease_until <= now()))
      RETURNING deliveries.id AS delivery_id, deliveries.organization_id, webhook_id, event_id, series, series_trigger, attempts_in_series,
        deliveries.state, url, timeout_ms, headers_sealed, signature_formats, retry_policy
    )
    SELECT moved.*, events.type AS event_type, events.payload,
      attempts_in_series - CASE WHEN attempts_in_series = 1 THEN 0 ELSE (
        SELECT count(*)::int FROM attempts
        WHERE attempts.delivery_id = moved.delivery_id AND attempts.series = moved.series AND outcome = 'aborted'
      ) END AS place,
      (
        SELECT coalesce(json_agg(json_build_object('id', id, 'sealed', sealed) ORDER BY created_at DESC, id DESC), '[]')
        FROM webhook_secrets WHERE webhook_secrets.webhook_id = moved.webhook_id AND (expires_at IS NULL OR expires_at > now())
      ) AS secrets
    FROM moved
    LEFT JOIN events ON events.id = moved.event_id
    WHERE moved.state = 'in_flight'`;
}

/** By how much the scheduled ones among these are not yet due, in milliseconds. */
async function findEarly(db: Context["db"], deliveryIds: readonly string[]): Promise<Map<string, number>> {
  if (deliveryIds.length === 0) return new Map();
  const rows = await db.$queryRaw<{ id: string; by_ms: number }[]>`
    SELECT id, ceil(extract(epoch FROM next_attempt_at - now()) * 1000)::int AS by_ms
    FROM deliveries
    WHERE id = ANY (${[...deliveryIds]}::uuid[]) AND state = 'pending' AND next_attempt_at > now()`;
  return new Map(rows.map(({ id, by_ms }) => [id, by_ms]));
}

function toClaim(row: ClaimedRow): Claim[] {
  const { event_type: eventType, payload } = row;
  if (eventType === null || payload === null) return [];
  const claim = {
    deliveryId: row.delivery_id,
    organizationId: row.organization_id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    eventType,
    payload,
    series: row.series,
    number: row.attempts_in_series,
    place: row.place,
    trigger: row.series_trigger,
    url: row.url,
    timeoutMs: row.timeout_ms,
    headersSealed: row.headers_sealed,
    signatureFormats: row.signature_formats,
    retryPolicy: row.retry_policy,
    secrets: row.secrets,
  };
  return [claim];
}

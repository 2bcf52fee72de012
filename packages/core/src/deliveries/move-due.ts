import { Prisma } from "@homing/db/client";
import { type OneWeek, oneWeekOf } from "@homing/db/one-week";
import { V1A_FORMAT } from "@homing/signature/ed25519";
import type { Context } from "../context.js";
import { IS_LINED, LINED_BY, openLines } from "../lanes/line.js";
import type { RetryPolicySetting } from "../retry-schedule.js";
import { webhookOf } from "../webhooks/look-up.js";
import type { SealedKey } from "../webhooks/signing-key.js";
import type { CircuitState } from "../webhooks/webhook.js";
import type { AttemptTrigger } from "./delivery.js";

/** Whatever the request's deadline: who makes an attempt renews its lease for as long as it lives (see leases.ts). */
export const LEASE_MS = 10_000;
/** So many attempts in a row that ended without a record end their delivery: it kills its workers, or they cannot make it. */
export const FAULTS_MAX = 5;

/**
 * It was under way in two workers that died in a row, and may be tried again. Of these a worker makes one attempt at a time, so that
 * the one that kills its worker does not take along those that were under way beside it.
 */
export const IS_SUSPECT = Prisma.sql`(state = 'in_flight' AND coalesce(faults, 0) BETWEEN 1 AND ${FAULTS_MAX - 2}::int)`;

/** A delivery that was due, and where it went; the others went where their webhook's state sends them, or are poisonous. */
export interface MovedRow {
  goes: "in_flight" | "parked";
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
  in_flight_max: number;
  circuit: CircuitState;
  is_ordered: boolean;
  is_releasing: boolean;
  headers_sealed: string | null;
  auth_sealed: string | null;
  tls_sealed: string | null;
  signature_formats: string[];
  retry_policy: RetryPolicySetting;
  secrets: { id: string; sealed: string }[];
  signing_keys: SealedKey[] | null;
}

/** Pending and due, or its lease ran out. */
export const IS_DUE = Prisma.sql`
  ((deliveries.state = 'pending' AND parked_at IS NULL AND next_attempt_at <= now())
   OR (deliveries.state = 'in_flight' AND lease_until <= now()))`;

/** The lease of another ran out: its attempt will never be recorded, or late. */
export const IS_TAKEN_OVER = Prisma.sql`(deliveries.state = 'in_flight')`;
export const FAULTS = Prisma.sql`(coalesce(deliveries.faults, 0) + CASE WHEN ${IS_TAKEN_OVER} THEN 1 ELSE 0 END)`;

/** It is due and has no attempt left that may end without a record: no claim takes it (see fail-poisonous.ts). */
export const IS_POISONOUS = Prisma.sql`(webhooks.state = 'enabled' AND ${FAULTS} >= ${FAULTS_MAX}::int)`;

/** A retry that somebody asked for passes its webhook's line, but for a rate, which counts everything. */
const PASSES_LINE = Prisma.sql`(series_trigger = 'manual' AND attempts_in_series = 0 AND rate_limit_count IS NULL)`;

const GOES = Prisma.sql`
      CASE
        WHEN webhooks.state = 'disabled' THEN 'held'
        WHEN webhooks.state = 'archived' THEN 'cancelled'
        WHEN NOT ${IS_TAKEN_OVER} AND ${IS_LINED} AND NOT is_pulled AND NOT ${PASSES_LINE} THEN 'parked'
        ELSE 'in_flight'
      END`;

const LEASE_END = Prisma.sql`CASE goes WHEN 'in_flight' THEN now() + ${LEASE_MS} * interval '1 millisecond' END`;

/**
 * The one statement of a claim: where each delivery that is due goes, and what an attempt needs of those that are claimed.
 * @returns one row for each that is in flight or parked now
 */
export function moveDue(
  db: Context["db"],
  deliveryIds: readonly string[],
  { pulledIds, suspectIds }: { pulledIds: readonly string[]; suspectIds: readonly string[] },
): Promise<MovedRow[]> {
  const week = oneWeekOf(deliveryIds);
  const isAsked = week.isAmong(Prisma.sql`deliveries.id`);
  return db.$queryRaw<MovedRow[]>`/* prepared claim${week.suffix} */
    WITH due AS MATERIALIZED (
      SELECT deliveries.id, ${GOES} AS goes, ${FAULTS} AS faults, ${IS_TAKEN_OVER} AS is_taken_over, ${SETTINGS}
      FROM (
        SELECT *, id = ANY (${[...pulledIds]}::uuid[]) AS is_pulled FROM deliveries
        WHERE ${isAsked} AND (NOT ${IS_SUSPECT} OR id = ANY (${[...suspectIds]}::uuid[]))
      ) deliveries
      ${ITS_WEBHOOK}
      WHERE ${IS_DUE} AND NOT ${IS_POISONOUS}
      ORDER BY deliveries.id
      FOR UPDATE OF deliveries
    ),
    moved AS (
      UPDATE deliveries SET
        state = (CASE goes WHEN 'parked' THEN 'pending' ELSE goes END)::delivery_state,
        attempts_in_series = attempts_in_series + CASE goes WHEN 'in_flight' THEN 1 ELSE 0 END,
        faults = nullif(due.faults, 0),
        lease_until = ${LEASE_END},
        relay_at = ${LEASE_END},
        next_attempt_at = CASE goes WHEN 'parked' THEN next_attempt_at END,
        parked_at = CASE goes WHEN 'parked' THEN now() END,
        queued_at = NULL,
        last_error = CASE WHEN is_taken_over THEN 'its worker died or lost its lease' ELSE last_error END,
        updated_at = CASE goes WHEN 'parked' THEN deliveries.updated_at ELSE now() END
      FROM due
      WHERE deliveries.id = due.id AND ${isAsked} AND ${IS_DUE}
      RETURNING deliveries.id AS delivery_id, organization_id, webhook_id, event_id, series, series_trigger, attempts_in_series, due.*
    ),
    lined AS (${openLines(Prisma.sql`(SELECT webhook_id FROM moved WHERE goes = 'parked')`)})
    ${withEvent(Prisma.sql`moved.*, ${placeOf(week)} AS place`)}
    WHERE goes IN ('in_flight', 'parked')`;
}

/** Joins to `deliveries` the webhooks that they are for: what a claim looks at, and `SETTINGS`. */
export const ITS_WEBHOOK = webhookOf(
  Prisma.sql`deliveries.webhook_id`,
  Prisma.sql`state, url, timeout_ms, in_flight_max, releasing_until, headers_sealed, auth_sealed, tls_sealed, signature_formats,
             retry_policy, ${LINED_BY}`,
);

/** What an attempt needs of `webhooks`. */
export const SETTINGS = Prisma.sql`
        url, timeout_ms, in_flight_max, circuit, ordering = 'event' AS is_ordered,
        releasing_until IS NOT NULL AND rate_limit_count IS NULL AS is_releasing, headers_sealed, auth_sealed, tls_sealed,
        signature_formats, retry_policy`;

function placeOf(week: OneWeek): Prisma.Sql {
  return Prisma.sql`
      attempts_in_series - CASE WHEN attempts_in_series <= 1 THEN 0 ELSE (
        SELECT count(*)::int FROM attempts
        WHERE attempts.delivery_id = moved.delivery_id AND ${week.isWithin(Prisma.sql`attempts.delivery_id`)}
          AND attempts.series = moved.series AND outcome = 'aborted'
      ) END`;
}

/**
 * The SELECT that adds to what the CTE `moved` (with `SETTINGS`) has moved its event, and what signs it.
 * @param isOfWeek the week that the event's `id` is known to be of; any, unless told. The offset keeps it a look-up
 */
export function withEvent(columns: Prisma.Sql, isOfWeek = Prisma.sql`true`): Prisma.Sql {
  return Prisma.sql`
    SELECT ${columns}, events.type AS event_type, events.payload,
      ${validOf("webhook_secrets")} AS secrets,
      CASE WHEN ${V1A_FORMAT} = ANY (signature_formats) THEN ${validOf("webhook_signing_keys")} END AS signing_keys
    FROM moved
    LEFT JOIN LATERAL (SELECT type, payload FROM events WHERE id = moved.event_id AND ${isOfWeek} OFFSET 0) AS events ON true`;
}

/** The webhook's sealed texts in a table that are valid now, newest first. */
function validOf(table: "webhook_secrets" | "webhook_signing_keys"): Prisma.Sql {
  return Prisma.sql`(
        SELECT coalesce(json_agg(json_build_object('id', id, 'sealed', sealed) ORDER BY created_at DESC, id DESC), '[]')
        FROM ${Prisma.raw(table)} valid WHERE valid.webhook_id = moved.webhook_id AND (expires_at IS NULL OR expires_at > now())
      )`;
}

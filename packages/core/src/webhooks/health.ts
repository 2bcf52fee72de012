import { Prisma } from "@homing/db/client";
import { SYSTEM } from "../audit-log/actor.js";
import { auditEntries } from "../audit-log/record.js";
import { SLOW_MS } from "../lanes/endpoint.js";
import { disabledNotices } from "../notices/disabled.js";
import { leaveNotices, spelledTime } from "../notices/leave.js";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A webhook that has failed and only failed for so long is disabled by its next failure. */
const FAILING_MAX_MS = 5 * DAY_MS;
/** A success after failing for so long is worth telling. */
const RECOVERED_AFTER_MS = 5 * 60 * 1000;

const IS_HOPELESS = Prisma.sql`
  (webhooks.state = 'enabled' AND NOT has_succeeded AND failing_since < now() - ${FAILING_MAX_MS} * interval '1 millisecond')`;

/**
 * CTEs for what the attempts of `settled` (`webhook_id, state, outcome, duration_ms, is_gone, is_own`) mean for their webhooks. The first failure notes
 * since when one is failing and a success forgets it; a 410 disables, and so does a failure after five days of them. A webhook that goes
 * on as it did is neither written nor locked. Locks are taken in the order of the ids, so that two records of the same webhooks wait for
 * each other, not in a ring.
 */
export function webhookHealth(webhookIds: readonly string[]): Prisma.Sql {
  return Prisma.sql`
    heard AS MATERIALIZED (
      SELECT webhook_id, bool_or(is_gone) AS is_gone, bool_or(state = 'succeeded') AS has_succeeded,
             bool_or(state = 'succeeded' AND duration_ms <= ${SLOW_MS}) AS is_proven,
             bool_or(state = 'succeeded' AND NOT is_own) AS is_told
      FROM settled WHERE outcome <> 'aborted' GROUP BY webhook_id
    ),
    judged AS MATERIALIZED (
      SELECT webhooks.id, failing_since, has_succeeded, heard.is_proven,
             is_told AND (circuit <> 'closed' OR failing_since < now() - ${RECOVERED_AFTER_MS} * interval '1 millisecond') AS is_recovered,
             CASE
               WHEN is_gone AND state = 'enabled' THEN 'the receiver answered 410 Gone'
               WHEN ${IS_HOPELESS} THEN 'every attempt has failed for 5 days'
             END AS new_reason
      FROM webhooks JOIN heard ON heard.webhook_id = webhooks.id
      WHERE webhooks.id = ANY (${[...webhookIds]}::uuid[]) AND state <> 'archived'
        AND (has_succeeded = (failing_since IS NOT NULL) OR heard.is_proven <> webhooks.is_proven OR (is_gone AND state = 'enabled') OR ${IS_HOPELESS})
      ORDER BY webhooks.id
      FOR UPDATE OF webhooks
    ),
    changed AS (
      UPDATE webhooks SET
        failing_since = CASE WHEN NOT has_succeeded THEN coalesce(webhooks.failing_since, now()) END,
        is_proven = judged.is_proven,
        state = CASE WHEN new_reason IS NULL THEN state ELSE 'disabled' END,
        disabled_reason = coalesce(new_reason, disabled_reason),
        disabled_at = CASE WHEN new_reason IS NULL THEN disabled_at ELSE now() END,
        releasing_until = CASE WHEN new_reason IS NULL THEN releasing_until END,
        updated_at = CASE WHEN new_reason IS NULL THEN updated_at ELSE now() END
      FROM judged
      WHERE webhooks.id = judged.id
      RETURNING webhooks.id AS webhook_id, organization_id, is_ephemeral, is_recovered, new_reason, disabled_reason, disabled_at,
                judged.failing_since AS failed_since
    ),
    disabled AS (
      SELECT * FROM changed WHERE new_reason IS NOT NULL
    ),
    ${disabledNotices()},
    audited_disabled AS (${auditEntries(SYSTEM, "webhook.disabled", DISABLED)}
    ),
    told_recovered AS (${leaveNotices("homing.webhook.recovered", RECOVERED)}
    )`;
}

/** By a success that is not one of Homing's own events': else a listener that takes every second one would be told for ever. */
const RECOVERED = Prisma.sql`
        SELECT organization_id, jsonb_build_object(
          'webhook_id', webhook_id, 'failing_since', ${spelledTime(Prisma.sql`failed_since`)}, 'recovered_at', ${spelledTime(Prisma.sql`now()::timestamptz(3)`)}
        ) AS payload
        FROM changed WHERE is_recovered AND failed_since IS NOT NULL AND NOT is_ephemeral`;

const DISABLED = Prisma.sql`
          SELECT organization_id, webhook_id::text AS target_id, '{"state": "enabled"}'::jsonb AS before,
                 jsonb_build_object('state', 'disabled', 'disabled_reason', disabled_reason) AS after
          FROM disabled WHERE NOT is_ephemeral`;

import { Prisma, type Transaction } from "@homing/db/client";
import { HINT_PATIENCE_MS } from "../deliveries/hint.js";
import { IS_VALID } from "../organizations/key.js";
import { patternsOf } from "../webhooks/match.js";
import type { EventInput } from "./event.js";
import { DELIVERIES_MAX } from "./insert.js";
import { matchedBy } from "./matched.js";

/** An event with its id, for the webhooks that want it. */
export interface PlainEvent extends Pick<EventInput, "type" | "payload"> {
  id: string;
  organizationId: string;
  attributes: EventInput["attributes"];
  occurredAt: EventInput["occurredAt"];
  /** null: whoever publishes it was asked for already. */
  apiKeyId: string | null;
}

/** An event that was inserted, or a delivery of one that is to be handed over now. */
export type PlainRow = { event_id: string } & (
  | { matched_webhooks: number; created_at: Date; delivery_id: null; webhook_id: null }
  | { matched_webhooks: null; created_at: null; delivery_id: string; webhook_id: string }
);

/**
 * `insertEvents` for what is plain: no idempotency keys, no named webhooks, no quota, no lines and no backlog, so that it writes to two
 * tables instead of five. Each event is for itself.
 * @returns rows in no order; none of an event whose organization has a quota, whose key is not good any more or that matches a webhook
 * with a line, and none at all where they would make more than `DELIVERIES_MAX` deliveries
 */
export function insertPlainEvents(db: Transaction, events: readonly PlainEvent[]): Promise<PlainRow[]> {
  return db.$queryRaw<PlainRow[]>`/* prepared publish_plain */
    WITH ${plainInput(events)},
    ${matchedBy(WANTED, DELIVERIES_MAX)},
    refused AS MATERIALIZED (
      SELECT event_id FROM matched WHERE is_lined
      UNION ALL
      SELECT input.id FROM input JOIN organizations ON organizations.id = input.organization_id
      WHERE organizations.id = ANY (${[...new Set(events.map(({ organizationId }) => organizationId))]}::uuid[]) AND delivery_quota IS NOT NULL
      UNION ALL
      SELECT id FROM input WHERE api_key_id IS NOT NULL AND (api_key_id, organization_id) NOT IN (
        SELECT id, organization_id FROM api_keys
        WHERE id = ANY (${[...new Set(events.flatMap(({ apiKeyId }) => apiKeyId ?? []))]}::uuid[]) AND ${IS_VALID}
      )
      UNION ALL
      SELECT id FROM input WHERE (SELECT count(*) > ${DELIVERIES_MAX}::bigint FROM matched)
    ),
    published AS (
      INSERT INTO events (id, organization_id, type, payload, attributes, occurred_at, matched_webhooks)
      SELECT id, organization_id, type, payload, attributes, occurred_at, coalesce(webhooks, 0)
      FROM input
      LEFT JOIN (SELECT event_id, count(*)::int AS webhooks FROM matched GROUP BY event_id) counted ON counted.event_id = input.id
      WHERE id NOT IN (SELECT event_id FROM refused)
      RETURNING id, matched_webhooks, created_at
    ),
    made AS (
      INSERT INTO deliveries (organization_id, event_id, webhook_id, state, next_attempt_at, queued_at, relay_at)
      SELECT organization_id, event_id, webhook_id, (CASE WHEN is_enabled THEN 'pending' ELSE 'held' END)::delivery_state,
             CASE WHEN is_enabled THEN now() END, CASE WHEN is_enabled THEN now() END,
             CASE WHEN is_enabled THEN now() + ${HINT_PATIENCE_MS} * interval '1 millisecond' END
      FROM (
        SELECT organization_id, event_id, webhook_id, state = 'enabled' AS is_enabled
        FROM matched WHERE event_id NOT IN (SELECT event_id FROM refused)
        ORDER BY event_id
      ) planned
      RETURNING id, event_id, webhook_id, state
    )
    SELECT id AS event_id, matched_webhooks, created_at, NULL AS delivery_id, NULL AS webhook_id FROM published
    UNION ALL
    SELECT event_id, NULL, NULL, id::text, webhook_id::text FROM made WHERE state = 'pending'`;
}

const WANTED = Prisma.sql`
        SELECT DISTINCT webhook_id FROM webhook_patterns
        WHERE organization_id = input.organization_id AND pattern = ANY (input.patterns)`;

function plainInput(events: readonly PlainEvent[]): Prisma.Sql {
  return Prisma.sql`
    input AS MATERIALIZED (
      SELECT id, organization_id, api_key_id, type, string_to_array(patterns, ' ') AS patterns, payload, attributes::jsonb AS attributes,
             coalesce(occurred_at, now()) AS occurred_at
      FROM unnest(
        ${events.map(({ id }) => id)}::uuid[],
        ${events.map(({ organizationId }) => organizationId)}::uuid[],
        ${events.map(({ apiKeyId }) => apiKeyId)}::uuid[],
        ${events.map(({ type }) => type)}::text[],
        ${events.map(({ type }) => patternsOf(type).join(" "))}::text[],
        ${events.map(({ payload }) => payload)}::text[],
        ${events.map(({ attributes }) => JSON.stringify(attributes ?? {}))}::text[],
        ${events.map(({ occurredAt }) => occurredAt?.toISOString() ?? null)}::timestamptz[]
      ) AS t (id, organization_id, api_key_id, type, patterns, payload, attributes, occurred_at)
    )`;
}

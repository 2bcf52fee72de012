import { Prisma, type Transaction } from "@homing/db/client";
import { backlogTime } from "../deliveries/backlog.js";
import { HINT_PATIENCE_MS } from "../deliveries/hint.js";
import { openLines } from "../lanes/line.js";
import { lockedQuota } from "../organizations/quota.js";
import { patternsOf } from "../webhooks/match.js";
import type { EventInput, PublishRequest } from "./event.js";
import { matchedBy } from "./matched.js";

/**
 * Most deliveries that several events may make in one statement: they take seconds, and with many more it would not end in its time.
 * One event goes to as many webhooks as there are.
 */
export const DELIVERIES_MAX = 50_000;

/** An event with its id, and the place of its request. */
export interface NewEvent extends EventInput {
  id: string;
  place: number;
}

/** An event that was inserted, or that was refused because it names unknown webhooks or because the statement would be too large. */
export interface InsertedRow {
  event_id: string;
  matched_webhooks: number;
  created_at: Date;
  unknown_webhooks: string[] | null;
  /** The statement would make more deliveries than it may; it made none. */
  is_too_large: boolean;
  organization_id: string;
  /** Those that are to be handed over now, and the webhook of each. */
  delivery_ids: string[];
  webhook_ids: string[];
  /** How many joined the backlog instead. */
  backlogged: number;
  /** The webhooks in whose lines it stands. */
  lined_webhook_ids: string[];
}

/** What a statement may make, and where. */
export interface InsertOptions {
  /** The organizations whose deliveries join the backlog, and at which step; none unless told. */
  places?: ReadonlyMap<string, number>;
  /** Of several events; no limit unless told. */
  deliveriesMax?: number | null;
}

/**
 * The one statement of a publish. The webhooks are read by the statement that inserts, so one made a moment ago gets the event;
 * one that is disabled gets it held.
 * @returns rows in the order of the events; none for the events of a request whose idempotency key was used before
 */
export function insertEvents(
  db: Transaction,
  requests: readonly PublishRequest[],
  events: readonly NewEvent[],
  { places = new Map(), deliveriesMax = null }: InsertOptions = {},
): Promise<InsertedRow[]> {
  return db.$queryRaw<InsertedRow[]>`/* prepared publish */
    WITH ${requestInput(requests)},
    ${eventInput(events)},
    ${matched(deliveriesMax)},
    claimed AS (
      INSERT INTO idempotency_keys (organization_id, key, fingerprint, event_ids)
      SELECT request.organization_id, key, fingerprint, array_agg(input.id ORDER BY ordinal)
      FROM request JOIN input USING (place)
      WHERE key IS NOT NULL AND place NOT IN (SELECT place FROM refused) AND NOT (SELECT is_too_large FROM matches)
      GROUP BY request.organization_id, key, fingerprint, place
      ORDER BY request.organization_id, key
      ON CONFLICT DO NOTHING
      RETURNING event_ids
    ),
    published AS (
      INSERT INTO events (id, organization_id, type, payload, attributes, occurred_at, matched_webhooks)
      SELECT id, input.organization_id, type, payload, attributes, occurred_at, coalesce(counted.webhooks, 0)
      FROM input
      JOIN request USING (place)
      LEFT JOIN (SELECT event_id, count(*)::int AS webhooks FROM matched GROUP BY event_id) counted ON counted.event_id = input.id
      WHERE (key IS NULL AND place NOT IN (SELECT place FROM refused) AND NOT (SELECT is_too_large FROM matches))
        OR id IN (SELECT unnest(event_ids) FROM claimed)
      RETURNING id, matched_webhooks, created_at
    ),
    ${lockedQuota(requests.map(({ organizationId }) => organizationId))},
    ${made(places)},
    due AS (
      SELECT event_id,
             array_agg(id::text ORDER BY id) FILTER (WHERE queued_at IS NOT NULL) AS delivery_ids,
             array_agg(webhook_id::text ORDER BY id) FILTER (WHERE queued_at IS NOT NULL) AS webhook_ids,
             count(*) FILTER (WHERE queued_at IS NULL AND parked_at IS NULL)::int AS backlogged,
             array_agg(webhook_id::text) FILTER (WHERE parked_at IS NOT NULL) AS lined_webhook_ids
      FROM made WHERE state = 'pending' GROUP BY event_id
    ),
    lined AS (${openLines(Prisma.sql`(SELECT webhook_id FROM made WHERE parked_at IS NOT NULL)`)})
    SELECT input.id AS event_id, input.organization_id, coalesce(published.matched_webhooks, 0) AS matched_webhooks,
           coalesce(published.created_at, now()) AS created_at, unknown_webhooks, is_too_large, coalesce(delivery_ids, '{}') AS delivery_ids,
           coalesce(due.webhook_ids, '{}') AS webhook_ids, coalesce(backlogged, 0) AS backlogged,
           coalesce(lined_webhook_ids, '{}') AS lined_webhook_ids
    FROM input
    CROSS JOIN matches
    LEFT JOIN published ON published.id = input.id
    LEFT JOIN refused ON refused.event_id = input.id
    LEFT JOIN due ON due.event_id = input.id
    WHERE published.id IS NOT NULL OR refused.event_id IS NOT NULL OR is_too_large
    ORDER BY input.ordinal`;
}

const WANTED = Prisma.sql`
        SELECT webhook_id FROM webhook_patterns
        WHERE input.webhook_ids IS NULL AND organization_id = input.organization_id AND pattern = ANY (input.patterns)
        UNION
        SELECT unnest(input.webhook_ids)`;

/** Which webhooks each event is for, and which events name webhooks that their organization does not have. */
function matched(max: number | null): Prisma.Sql {
  return Prisma.sql`
    ${matchedBy(WANTED, max)},
    matches AS MATERIALIZED (SELECT coalesce(count(*) > ${max}::bigint, false) AS is_too_large FROM matched),
    refused AS MATERIALIZED (
      SELECT input.id AS event_id, place, ordinal, array_agg(named.id::text) AS unknown_webhooks
      FROM input
      CROSS JOIN unnest(input.webhook_ids) AS named (id)
      WHERE NOT EXISTS (SELECT FROM matched WHERE matched.event_id = input.id AND matched.webhook_id = named.id)
      GROUP BY input.id, place, ordinal
    )`;
}

/**
 * One delivery for each match: due now, held while its webhook is disabled, skipped beyond the organization's quota. It counts as
 * handed over as it is made, unless its organization's join the backlog; if the hint gets lost, its patience runs out. One of a webhook
 * with a line goes there, and numbers, which are given in the order of the events, are the order of the line.
 */
function made(places: ReadonlyMap<string, number>): Prisma.Sql {
  return Prisma.sql`
    crowded AS MATERIALIZED (
      SELECT * FROM unnest(${[...places.keys()]}::uuid[], ${[...places.values()]}::int[]) AS t (organization_id, place)
    ),
    planned AS MATERIALIZED (
      SELECT organization_id, event_id, webhook_id, (CASE
        WHEN row_number() OVER (PARTITION BY organization_id ORDER BY event_id, webhook_id) > remaining THEN 'skipped'
        WHEN matched.state = 'enabled' THEN 'pending'
        ELSE 'held'
      END)::delivery_state AS state, is_lined, place
      FROM matched JOIN published ON published.id = matched.event_id LEFT JOIN quota USING (organization_id)
      LEFT JOIN crowded USING (organization_id)
    ),
    charged AS (
      UPDATE organizations SET quota_month = this_month, quota_used = used + counted.deliveries
      FROM quota JOIN (
        SELECT organization_id, count(*)::int AS deliveries FROM planned WHERE state <> 'skipped' GROUP BY organization_id
      ) counted USING (organization_id)
      WHERE organizations.id = quota.organization_id
    ),
    made AS (
      INSERT INTO deliveries (organization_id, event_id, webhook_id, state, next_attempt_at, queued_at, relay_at, parked_at)
      SELECT organization_id, event_id, webhook_id, state,
             CASE state WHEN 'pending' THEN now() END,
             CASE WHEN state = 'pending' AND NOT is_lined AND place IS NULL THEN now() END,
             CASE WHEN state = 'pending' AND NOT is_lined THEN
               coalesce(${backlogTime(Prisma.sql`place`)}, now() + ${HINT_PATIENCE_MS} * interval '1 millisecond')
             END,
             CASE WHEN state = 'pending' AND is_lined THEN now() END
      FROM planned
      ORDER BY event_id
      RETURNING id, event_id, webhook_id, state, queued_at, parked_at
    )`;
}

function requestInput(requests: readonly PublishRequest[]): Prisma.Sql {
  return Prisma.sql`
    request AS (
      SELECT place - 1 AS place, organization_id, key, fingerprint
      FROM unnest(
        ${requests.map(({ organizationId }) => organizationId)}::uuid[],
        ${requests.map(({ idempotency }) => idempotency?.key ?? null)}::text[],
        ${requests.map(({ idempotency }) => idempotency?.fingerprint ?? null)}::text[]
      ) WITH ORDINALITY AS t (organization_id, key, fingerprint, place)
    )`;
}

function eventInput(events: readonly NewEvent[]): Prisma.Sql {
  return Prisma.sql`
    input AS MATERIALIZED (
      SELECT t.id, request.organization_id, place, type, string_to_array(patterns, ' ') AS patterns, payload,
             attributes::jsonb AS attributes, coalesce(occurred_at, now()) AS occurred_at,
             string_to_array(webhook_ids, ' ')::uuid[] AS webhook_ids, ordinal
      FROM unnest(
        ${events.map(({ id }) => id)}::uuid[],
        ${events.map(({ place }) => place)}::bigint[],
        ${events.map(({ type }) => type)}::text[],
        ${events.map(({ type }) => patternsOf(type).join(" "))}::text[],
        ${events.map(({ payload }) => payload)}::text[],
        ${events.map(({ attributes }) => JSON.stringify(attributes ?? {}))}::text[],
        ${events.map(({ occurredAt }) => occurredAt?.toISOString() ?? null)}::timestamptz[],
        ${events.map(({ webhookIds }) => webhookIds?.join(" ") ?? null)}::text[]
      ) WITH ORDINALITY AS t (id, place, type, patterns, payload, attributes, occurred_at, webhook_ids, ordinal)
      JOIN request USING (place)
    )`;
}

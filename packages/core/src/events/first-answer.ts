import type { Context } from "../context.js";
import type { PublishRequest, PublishedEvent } from "./event.js";

/** What was answered when an idempotency key was first used. */
export interface FirstAnswer {
  fingerprint: string;
  events: PublishedEvent[];
}

interface KnownRow {
  organization_id: string;
  key: string;
  fingerprint: string;
  id: string;
  matched_webhooks: number;
  created_at: Date;
}

/** Keys are an organization's own: the same text of two organizations is two keys. */
export function keyName(organizationId: string, key: string): string {
  return `${organizationId} ${key}`;
}

/**
 * The first answers to the idempotency keys of these requests, by `keyName`. Read after the insert gave way to them: its own
 * snapshot may be older than the key it met.
 */
export async function findFirstAnswers(
  db: Context["db"],
  requests: readonly PublishRequest[],
): Promise<Map<string, FirstAnswer>> {
  if (requests.length === 0) return new Map();
  const rows = await db.$queryRaw<KnownRow[]>`
    SELECT DISTINCT asked.organization_id, asked.key, fingerprint, events.id, events.matched_webhooks, events.created_at, ordinal
    FROM unnest(
      ${requests.map(({ organizationId }) => organizationId)}::uuid[],
      ${requests.map(({ idempotency }) => idempotency?.key ?? null)}::text[]
    ) AS asked (organization_id, key)
    JOIN idempotency_keys USING (organization_id, key)
    CROSS JOIN unnest(event_ids) WITH ORDINALITY AS named (event_id, ordinal)
    JOIN events ON events.id = named.event_id
    ORDER BY asked.organization_id, asked.key, ordinal`;
  const answers = new Map<string, FirstAnswer>();
  for (const { organization_id, key, fingerprint, id, matched_webhooks, created_at } of rows) {
    const answer = answers.get(keyName(organization_id, key)) ?? { fingerprint, events: [] };
    answer.events.push({ id, matchedWebhooks: matched_webhooks, createdAt: created_at });
    answers.set(keyName(organization_id, key), answer);
  }
  return answers;
}

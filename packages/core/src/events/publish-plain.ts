import { v7 as uuidv7 } from "uuid";
import type { Context, Hint } from "../context.js";
import { handOver } from "../deliveries/hint.js";
import type { Backlog } from "../shares/fair-queue.js";
import type { PublishedEvent, PublishRequest } from "./event.js";
import { insertPlainEvents, type PlainEvent, type PlainRow } from "./insert-plain.js";
import type { PublishOutcome } from "./publish.js";

export interface PlainRequest extends PublishRequest {
  /** The key of its organization that has to be good still (decision 21); null: that was asked already. */
  apiKeyId: string | null;
}

/** Whether a request may be plain: one event for whoever wants it, and without a key under which it could have been published before. */
export function mayBePlain({ events, idempotency }: PublishRequest): boolean {
  return events.length === 1 && events[0]?.webhookIds === undefined && idempotency === undefined;
}

/**
 * Publishes what most requests ask for: one event each (`mayBePlain`), of organizations without a quota, to webhooks without a line
 * (decision 20).
 * @returns one outcome for each request, in order; null: nothing was published, since it is not plain, and `publishEvents` is for it, or
 * its key is not good any more
 * @throws what the database throws: nothing was published then, or its answer got lost
 */
export async function publishPlain(
  context: Pick<Context, "db" | "enqueue" | "log">,
  requests: readonly PlainRequest[],
  backlog?: Backlog,
): Promise<(PublishOutcome | null)[]> {
  const named = requests.map(({ organizationId, events, apiKeyId }) => ({
    id: uuidv7(),
    organizationId,
    events,
    apiKeyId,
  }));
  const taken = named.filter(({ organizationId }) => (backlog?.placeOf(organizationId) ?? 0) === 0);
  const rows = taken.length === 0 ? [] : await insertPlainEvents(context.db, taken.flatMap(toPlainEvents));
  const organizationIds = new Map(taken.map(({ id, organizationId }) => [id, organizationId]));
  void handOver(
    context,
    rows.flatMap((row) => firstHint(row, organizationIds)),
  );
  const published = new Map(rows.flatMap(toPublished).map((event) => [event.id, event]));
  return named.map(({ id }) => {
    const event = published.get(id);
    return event === undefined ? null : { outcome: "published", events: [event] };
  });
}

function toPlainEvents({ id, organizationId, apiKeyId, events }: PlainRequest & { id: string }): PlainEvent[] {
  return events.map(({ type, payload, attributes, occurredAt }) => ({
    id,
    organizationId,
    apiKeyId,
    type,
    payload,
    attributes,
    occurredAt,
  }));
}

function firstHint(
  { event_id, delivery_id, webhook_id }: PlainRow,
  organizationIds: ReadonlyMap<string, string>,
): Hint[] {
  const organizationId = organizationIds.get(event_id);
  if (delivery_id === null || organizationId === undefined) return [];
  return [{ deliveryId: delivery_id, organizationId, webhookId: webhook_id, series: 1, number: 1, delayMs: 0 }];
}

function toPublished({
  event_id: id,
  matched_webhooks: matchedWebhooks,
  created_at: createdAt,
}: PlainRow): PublishedEvent[] {
  return createdAt === null ? [] : [{ id, matchedWebhooks, createdAt }];
}

import { v7 as uuidv7 } from "uuid";
import type { Context, Hint } from "../context.js";
import { handOver } from "../deliveries/hint.js";
import { pullLines } from "../lanes/pull.js";
import type { Backlog } from "../shares/fair-queue.js";
import type { PublishRequest, PublishedEvent } from "./event.js";
import { type FirstAnswer, findFirstAnswers, keyName } from "./first-answer.js";
import { DELIVERIES_MAX, type InsertedRow, type NewEvent, insertEvents } from "./insert.js";

export type PublishOutcome =
  | { outcome: "published"; events: PublishedEvent[] }
  /** The idempotency key was used before for the same request: the first answer. */
  | { outcome: "duplicate"; events: PublishedEvent[] }
  /** The idempotency key was used before for another request. */
  | { outcome: "key_reused" }
  /** An event names webhooks that the organization does not have. */
  | { outcome: "unknown_webhooks"; eventIndex: number; webhookIds: string[] }
  /** Its events would make more deliveries than one statement may (`DELIVERIES_MAX`). */
  | { outcome: "too_many_deliveries" };

/** Requests that would make too many deliveries together: nothing was published, and fewer of them at once may be. */
export class StatementTooLargeError extends Error {
  override name = "StatementTooLargeError";
}

/**
 * Publishes the events of any requests in one statement: the events, and one delivery for each webhook that matches at this very
 * moment. A request's events are published all or none. When this resolves they are committed and nothing can lose them; the queue
 * is told after.
 * @param backlog who hands nothing over while the queue is full; nobody, unless told
 * @returns one outcome for each request, in order
 * @throws StatementTooLargeError, and what the database throws: nothing was published then, or its answer got lost
 */
export async function publishEvents(
  context: Pick<Context, "db" | "enqueue" | "log">,
  requests: readonly PublishRequest[],
  backlog?: Backlog,
): Promise<PublishOutcome[]> {
  const groups = requests.map((request, place) => request.events.map((event) => ({ ...event, id: uuidv7(), place })));
  const newEvents = groups.flat();
  const rows = await insertEvents(context.db, requests, newEvents, {
    places: placesIn(backlog, requests),
    deliveriesMax: newEvents.length > 1 ? DELIVERIES_MAX : null,
  });
  if (requests.length > 1 && rows.some(({ is_too_large }) => is_too_large)) {
    throw new StatementTooLargeError("the requests of one statement match too many webhooks");
  }
  for (const { organization_id, backlogged } of rows) backlog?.join(organization_id, backlogged);
  tellQueue(context, rows);
  const rowById = new Map(rows.map((row) => [row.event_id, row]));
  const outcomes = groups.map((events) => insertedOutcome(events, rowById));
  const repeats = requests.filter(({ idempotency }, place) => idempotency && outcomes[place]?.outcome !== "published");
  const firstAnswers = await findFirstAnswers(context.db, repeats);
  return requests.map((request, place) => {
    const outcome = outcomes[place] ?? null;
    return outcome?.outcome === "published" ? outcome : assertOutcome(knownOutcome(request, firstAnswers) ?? outcome);
  });
}

/** The organizations whose deliveries join the backlog, and at which step. */
function placesIn(backlog: Backlog | undefined, requests: readonly PublishRequest[]): Map<string, number> {
  const organizationIds = new Set(requests.map(({ organizationId }) => organizationId));
  const places = [...organizationIds].map((id): [string, number] => [id, backlog?.placeOf(id) ?? 0]);
  return new Map(places.filter(([, place]) => place > 0));
}

/** Tells the queue of inserted events, once they are committed; nobody waits for it. */
export function tellQueue(context: Pick<Context, "db" | "enqueue" | "log">, rows: readonly InsertedRow[]): void {
  void handOver(context, rows.flatMap(firstHints));
  const lined = rows.flatMap(({ lined_webhook_ids }) => lined_webhook_ids);
  if (lined.length > 0) void pullNow(context, lined);
}

/** What tells the queue of an inserted event's deliveries, once they are committed. */
export function firstHints({ organization_id: organizationId, delivery_ids, webhook_ids }: InsertedRow): Hint[] {
  return delivery_ids.flatMap((deliveryId, index) => {
    const webhookId = webhook_ids[index];
    return webhookId === undefined ? [] : [{ deliveryId, organizationId, webhookId, series: 1, number: 1, delayMs: 0 }];
  });
}

/** What is at the head of these lines need not wait for the round that looks after them. Never rejects. */
async function pullNow(context: Pick<Context, "db" | "enqueue" | "log">, webhookIds: readonly string[]): Promise<void> {
  try {
    await pullLines(
      context,
      webhookIds.map((webhookId) => ({ webhookId, wanted: 1 })),
      // While no worker takes them, events of a webhook with a rate would fill the queue, and then all go out at once.
      { isStart: true },
    );
  } catch (error) {
    context.log.warn({ err: error }, "lines.not_pulled");
  }
}

function insertedOutcome(own: readonly NewEvent[], rowById: ReadonlyMap<string, InsertedRow>): PublishOutcome | null {
  const rows = own.flatMap(({ id }) => rowById.get(id) ?? []);
  if (rows.some(({ is_too_large }) => is_too_large)) return { outcome: "too_many_deliveries" };
  const refused = rows.find(({ unknown_webhooks }) => unknown_webhooks !== null);
  if (refused?.unknown_webhooks) {
    const eventIndex = own.findIndex(({ id }) => id === refused.event_id);
    return { outcome: "unknown_webhooks", eventIndex, webhookIds: refused.unknown_webhooks };
  }
  return rows.length === 0 ? null : { outcome: "published", events: rows.map(toPublished) };
}

/** A repeat gets its first answer, also when it names a webhook that is gone by now. */
function knownOutcome(request: PublishRequest, firstAnswers: ReadonlyMap<string, FirstAnswer>): PublishOutcome | null {
  const first = request.idempotency && firstAnswers.get(keyName(request.organizationId, request.idempotency.key));
  if (!first) return null;
  if (first.fingerprint !== request.idempotency?.fingerprint) return { outcome: "key_reused" };
  return { outcome: "duplicate", events: first.events };
}

function assertOutcome(outcome: PublishOutcome | null): PublishOutcome {
  if (!outcome) throw new Error("a request was neither inserted nor known by its idempotency key");
  return outcome;
}

function toPublished(row: InsertedRow): PublishedEvent {
  return { id: row.event_id, matchedWebhooks: row.matched_webhooks, createdAt: row.created_at };
}

import { v7 as uuidv7 } from "uuid";
import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";
import { DomainError } from "../errors.js";
import { formatEventId } from "../events/event-id.js";
import { insertEvents } from "../events/insert.js";
import { tellQueue } from "../events/publish.js";
import { withoutCredentials } from "./audited-settings.js";
import type { WebhookName } from "./webhook.js";

/** One event of a test. */
export interface TestEvent {
  type: string;
  /** JSON text. */
  payload: string;
}

export interface TestToPublish extends WebhookName {
  event: TestEvent;
  /** What the test is of, where it goes to one that was made for it: which webhook's, and where to. */
  tested?: { webhookId: string; url?: string };
}

/**
 * Publishes an event to one webhook alone, whatever its patterns, and writes down who asked for it.
 * @returns the event's UUID
 * @throws DomainError `webhook_archived`, also of one that was archived a moment ago
 */
export async function publishTest(
  context: Pick<Context, "db" | "enqueue" | "log"> & Acting,
  { organizationId, webhookId, event, tested = { webhookId } }: TestToPublish,
): Promise<string> {
  const id = uuidv7();
  const events = [{ ...event, id, place: 0, webhookIds: [webhookId] }];
  const rows = await context.db.$transaction(async (transaction) => {
    const inserted = await insertEvents(transaction, [{ organizationId, events }], events);
    if (inserted.some(({ unknown_webhooks }) => unknown_webhooks !== null)) {
      throw new DomainError("webhook_archived", "the webhook is archived");
    }
    const { webhookId: targetId, url } = tested;
    const after = {
      event_id: formatEventId(id),
      event_type: event.type,
      ...(url !== undefined && { url: withoutCredentials(url) }),
    };
    await recordAudit(transaction, context.actor, {
      organizationId,
      action: "webhook.tested",
      targetId,
      after,
    });
    return inserted;
  }, TRANSACTION_WAITS);
  tellQueue(context, rows);
  return id;
}

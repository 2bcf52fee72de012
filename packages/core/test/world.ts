import { randomBytes } from "node:crypto";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createTestDatabase, prepareTemplate } from "@homing/local/test-database";
import { createLogger } from "@homing/runtime/logger";
import { createSealer } from "@homing/signature/sealing";
import { type Acting, SYSTEM } from "../src/audit-log/actor.js";
import type { Context, Hint, SendRequest } from "../src/context.js";
import { type Claim, type ClaimOutcome, claimDeliveries } from "../src/deliveries/claim.js";
import { claimPlain } from "../src/deliveries/claim-plain.js";
import type { Delivery } from "../src/deliveries/delivery.js";
import { findDelivery } from "../src/deliveries/read.js";
import { type MadeAttempt, type RecordOutcome, recordAttempts } from "../src/deliveries/record.js";
import { mayBePlain as mayBePlainRecord, recordPlain } from "../src/deliveries/record-plain.js";
import { RETRYABLE_STATES, type RetriedDelivery, retryDeliveries, type RetryRequest } from "../src/deliveries/retry.js";
import type { EventInput, PublishRequest } from "../src/events/event.js";
import { publishEvents, type PublishOutcome } from "../src/events/publish.js";
import { mayBePlain, publishPlain } from "../src/events/publish-plain.js";
import { createOrganization } from "../src/organizations/create-organization.js";
import type { SendResult } from "../src/outcome.js";
import { createWebhook } from "../src/webhooks/create.js";
import { PROTECTION_DEFAULTS, type Webhook, type WebhookSettings } from "../src/webhooks/webhook.js";

const CONNECTIONS_MAX = 8;
const CLAIM_TRIES_MAX = 100;

/** A database of its own and the plain functions around it, which record what they were asked. */
export interface World {
  /** What is changed by it is changed by Homing itself. */
  context: Context & Acting;
  db: Database;
  /** Everything that was handed to the queue. */
  hints: Hint[];
  /** Everything that was sent. */
  sent: SendRequest[];
  /** Replaces what the receiver answers. */
  answerWith(answer: (request: SendRequest) => SendResult | Promise<SendResult>): void;
  /** Whether the queue can be reached. */
  setQueueAway(isAway: boolean): void;
  /** Replaces what the address policy says. */
  refuseUrl(url: string): void;
  /** The URL of a login of its own in a group of roles. */
  loginIn(group: string): Promise<string>;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  const database = await createTestDatabase({ template });
  const db = createDatabase({ url: database.url, connectionsMax: CONNECTIONS_MAX, applicationName: "test" });
  const hints: Hint[] = [];
  const sent: SendRequest[] = [];
  let answer: (request: SendRequest) => SendResult | Promise<SendResult> = () => responded(200);
  let isQueueAway = false;
  const refusedUrls = new Set<string>();
  const context: World["context"] = {
    actor: SYSTEM,
    db,
    log: createLogger({ service: "test", level: "silent" }),
    sealer: createSealer([{ id: "k1", key: randomBytes(32) }]),
    checkUrl: (url) =>
      Promise.resolve(
        refusedUrls.has(url) ? { ok: false, reason: "blocked_address", detail: "is not public" } : { ok: true },
      ),
    async send(request) {
      sent.push(request);
      return answer(request);
    },
    enqueue(batch) {
      if (isQueueAway) return Promise.reject(new Error("the queue is away"));
      hints.push(...batch);
      return Promise.resolve([]);
    },
    random: () => 0.5,
  };
  return {
    context,
    db,
    hints,
    sent,
    answerWith: (next) => (answer = next),
    setQueueAway: (isAway) => (isQueueAway = isAway),
    refuseUrl: (url) => refusedUrls.add(url),
    loginIn: (group) => database.loginIn(group),
    async close() {
      await db.$disconnect();
      await database.drop();
    },
  };
}

export function responded(status: number, headers: Record<string, string> = {}): SendResult {
  return { outcome: "responded", status, headers, bodyText: `answer ${status}`, durationMs: 12.4 };
}

export const REFUSED: SendResult = { outcome: "refused", error: "connection refused", durationMs: 1 };
export const ABORTED: SendResult = { outcome: "aborted", error: "the worker stopped", durationMs: 5 };

export async function newOrganization(world: World): Promise<string> {
  return (await createOrganization(world.context, { name: "an organization" })).organizationId;
}

export async function newWebhook(
  world: World,
  organizationId: string,
  settings: Partial<WebhookSettings> = {},
): Promise<Webhook> {
  const { webhook } = await createWebhook(world.context, { organizationId, settings: { ...SETTINGS, ...settings } });
  return webhook;
}

export const SETTINGS: WebhookSettings = {
  url: "https://receiver.test/hook",
  description: null,
  eventTypes: [],
  headers: {},
  auth: null,
  tls: null,
  retryPolicy: "standard",
  timeoutMs: 15_000,
  signatureFormats: [],
  metadata: {},
  contractFields: {},
  ...PROTECTION_DEFAULTS,
};

/** Publishes one event; its deliveries in the order of their webhooks' making. */
export async function publishOne(
  world: World,
  organizationId: string,
  event: Partial<EventInput> = {},
): Promise<{ eventId: string; deliveryIds: string[] }> {
  const events = [{ type: "invoice.paid", payload: '{"n":1}', ...event }];
  const outcome = await publishRequest(world, { organizationId, events });
  const published = outcome.outcome === "published" ? outcome.events[0] : undefined;
  if (published === undefined) throw new Error(`not published: ${outcome.outcome}`);
  const rows = await world.db.delivery.findMany({ where: { eventId: published.id }, orderBy: { webhookId: "asc" } });
  return { eventId: published.id, deliveryIds: rows.map(({ id }) => id) };
}

/** As the API does: what is plain by the statement for that. */
async function publishRequest(world: World, request: PublishRequest): Promise<PublishOutcome> {
  const plain = mayBePlain(request) ? only(await publishPlain(world.context, [{ ...request, apiKeyId: null }])) : null;
  return plain ?? only(await publishEvents(world.context, [request]));
}

/** An organization with one webhook and one delivery that is due. */
export async function newDelivery(
  world: World,
  settings: Partial<WebhookSettings> = {},
): Promise<{ organizationId: string; webhook: Webhook; eventId: string; deliveryId: string }> {
  const organizationId = await newOrganization(world);
  const webhook = await newWebhook(world, organizationId, settings);
  const { eventId, deliveryIds } = await publishOne(world, organizationId);
  return { organizationId, webhook, eventId, deliveryId: only(deliveryIds) };
}

/** The last hint that was handed over for a delivery. */
export function hintOf(world: World, deliveryId: string): Hint {
  const hint = world.hints.findLast((handed) => handed.deliveryId === deliveryId);
  if (hint === undefined) throw new Error("it was not handed over");
  return hint;
}

/** Claims a delivery that is due; a millisecond's rounding may make the first look come too early. */
export async function claimOne(world: World, deliveryId: string): Promise<Claim> {
  for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
    const outcome = await claimNow(world, deliveryId);
    if (outcome.outcome === "claimed") return outcome.claim;
    if (outcome.outcome !== "too_early" || outcome.byMs > 2) throw new Error(`not claimed: ${JSON.stringify(outcome)}`);
  }
  throw new Error("too early again and again");
}

/** As a worker does: what is plain by the statement for that. */
async function claimNow(world: World, deliveryId: string): Promise<ClaimOutcome> {
  const claim = only(await claimPlain(world.context, [deliveryId]));
  if (claim !== null) return { outcome: "claimed", claim };
  return only(await claimDeliveries(world.context, [deliveryId], { suspectIds: [deliveryId] }));
}

export async function recordOne(world: World, claim: Claim, result: SendResult): Promise<RecordOutcome> {
  const attempt: MadeAttempt = { claim, result, requestHeaders: { "webhook-id": "evt_1" }, sentAtMs: Date.now() };
  const plain = mayBePlainRecord(attempt) ? only(await recordPlain(world.context, [attempt])) : null;
  return plain ?? only(await recordAttempts(world.context, [attempt]));
}

/** Claims and records in one go. */
export async function attemptOnce(world: World, deliveryId: string, result: SendResult): Promise<RecordOutcome> {
  return recordOne(world, await claimOne(world, deliveryId), result);
}

/** Brings everything that is scheduled or leased for a delivery so far nearer, instead of waiting. */
export async function shiftTime(world: World, deliveryId: string, byMs: number): Promise<void> {
  await world.db.$executeRaw`
    UPDATE deliveries SET
      next_attempt_at = next_attempt_at - ${byMs} * interval '1 millisecond',
      lease_until = lease_until - ${byMs} * interval '1 millisecond',
      relay_at = relay_at - ${byMs} * interval '1 millisecond',
      queued_at = queued_at - ${byMs} * interval '1 millisecond',
      updated_at = updated_at - ${byMs} * interval '1 millisecond'
    WHERE id = ${deliveryId}::uuid`;
}

/** Asks for one delivery to be retried, now unless told otherwise. */
export async function retryOne(
  world: World,
  { deliveryId, ...request }: { deliveryId: string; organizationId: string } & Partial<RetryRequest>,
): Promise<RetriedDelivery> {
  const whole = {
    deliveryIds: [deliveryId],
    states: RETRYABLE_STATES,
    receivedAtMs: performance.now(),
    actor: SYSTEM,
    ...request,
  };
  return only(only(await retryDeliveries(world.context, [whole])));
}

export async function rowOf(world: World, deliveryId: string) {
  return world.db.delivery.findUniqueOrThrow({ where: { id: deliveryId } });
}

export async function deliveryOf(world: World, organizationId: string, deliveryId: string): Promise<Delivery> {
  const delivery = await findDelivery(world.context, { organizationId, deliveryId });
  if (delivery === null) throw new Error("there is no such delivery");
  return delivery;
}

export function attemptsOf(world: World, deliveryId: string) {
  return world.db.attempt.findMany({ where: { deliveryId }, orderBy: [{ series: "asc" }, { number: "asc" }] });
}

export function only<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined || items.length !== 1) throw new Error(`one was expected, there are ${items.length}`);
  return item;
}

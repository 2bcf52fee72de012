import { createHash } from "node:crypto";
import type { EventInput, PublishRequest } from "@homing/core/events/event";
import { formatEventId } from "@homing/core/events/event-id";
import { DELIVERIES_MAX } from "@homing/core/events/insert";
import type { PublishOutcome } from "@homing/core/events/publish";
import { DomainError } from "@homing/core/errors";
import type { Caller } from "@homing/core/organizations/api-keys";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { invalidInput, refusal } from "../problem.js";
import { elementSlices, memberSlices } from "../raw-json.js";
import { type Route, type RouteRequest, route } from "../route.js";
import { type EventBody, eventBody, publishedAnswer } from "./event-bodies.js";

const TAG = "Events";
const KIB = 1024;
const PAYLOAD_BYTES_MAX = 256 * KIB;
/** Room for all of an event but its payload: type, attributes, webhook ids, and whitespace. */
const ENVELOPE_BYTES_MAX = 64 * KIB;
const BATCH_EVENTS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * KIB * KIB;

interface IdempotencyHeaders {
  "idempotency-key"?: string;
}

type Publishing = RouteRequest<unknown, unknown, IdempotencyHeaders, unknown, Caller>;

const headers = Joi.object<IdempotencyHeaders>({
  "idempotency-key": Joi.string()
    .pattern(/^[\x21-\x7e]{1,200}$/, "key")
    .rule({ message: "{{#label}} must be 1 to 200 visible ASCII characters" })
    .description("The same key and body within 24 h answers as the first time and publishes nothing"),
});

/** Publishing: one event or many. */
export function publishRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/events",
      operationId: "publishEvent",
      summary: "Publish an event",
      description:
        "Once answered with 202 the event is stored and one delivery made for each webhook that matches now.",
      tag: TAG,
      scope: "events:write",
      confirmsKey: true,
      input: { headers, body: eventBody },
      bodyBytesMax: PAYLOAD_BYTES_MAX + ENVELOPE_BYTES_MAX,
      answers: { 202: { description: "Published", schema: publishedAnswer } },
      refusals: ["idempotency_conflict", "unavailable"],
      async handle(request) {
        const events = [toInput(request.body, request.rawBody, "")];
        const outcome = await context.publish.add(toRequest(request, events), request.recalled);
        const [published] = toBodies(outcome, events, () => "");
        return { status: 202, body: published };
      },
    }),
    route({
      method: "POST",
      path: "/v1/events/batch",
      operationId: "publishEvents",
      summary: "Publish up to 1,000 events",
      description:
        "All events are checked before any is published, and those that are published are so at once, all or none. The " +
        `answers stand in the order of the events. An Idempotency-Key covers the whole batch. Several events make ${DELIVERIES_MAX} ` +
        "deliveries at most; an event alone goes to as many webhooks as match.",
      tag: TAG,
      scope: "events:write",
      input: {
        headers,
        body: Joi.object<{ events: EventBody[] }>({
          events: Joi.array().items(eventBody).min(1).max(BATCH_EVENTS_MAX).required(),
        }),
      },
      bodyBytesMax: BATCH_BYTES_MAX,
      answers: {
        202: {
          description: "One answer for each event",
          schema: Joi.object({ data: Joi.array().items(publishedAnswer).required() }),
        },
      },
      refusals: ["idempotency_conflict", "unavailable"],
      async handle(request) {
        const slices = elementSlices(memberSlices(request.rawBody).get("events") ?? Buffer.from("[]"));
        const events = request.body.events.map((event, index) => toInput(event, slices[index], batchPointer(index)));
        const outcome = await context.publish.add(toRequest(request, events), null);
        return { status: 202, body: { data: toBodies(outcome, events, batchPointer) } };
      },
    }),
  ];
}

function batchPointer(index: number): string {
  return `/events/${index}`;
}

/** @param raw the bytes of the event's object, of which the payload's are kept as they are */
function toInput(body: EventBody, raw: Buffer | undefined, pointer: string): EventInput {
  const payload = raw && memberSlices(raw).get("payload");
  if (payload === undefined) throw new Error("a valid event has no payload");
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw refusal(
      "payload_too_large",
      `The payload has ${payload.length} bytes; at most ${PAYLOAD_BYTES_MAX} are taken.`,
      {
        faults: [{ in: "body", pointer: `${pointer}/payload`, detail: "is too large" }],
      },
    );
  }
  return {
    type: body.type,
    payload: payload.toString("utf8"),
    ...(body.occurred_at !== undefined && { occurredAt: new Date(body.occurred_at) }),
    ...(body.attributes && { attributes: body.attributes }),
    ...(body.webhook_ids && { webhookIds: body.webhook_ids }),
  };
}

function toRequest(
  { caller, headers: { "idempotency-key": key }, rawBody }: Publishing,
  events: EventInput[],
): PublishRequest {
  const { organizationId } = caller;
  if (key === undefined) return { organizationId, events };
  const fingerprint = createHash("sha256").update(rawBody).digest("hex");
  return { organizationId, events, idempotency: { key, fingerprint } };
}

/** @throws DomainError, ProblemError for what the publish refused; `pointerOf` names an event of the request */
function toBodies(outcome: PublishOutcome, events: EventInput[], pointerOf: (index: number) => string): object[] {
  switch (outcome.outcome) {
    case "published":
    case "duplicate":
      return outcome.events.map(({ id, matchedWebhooks, createdAt }, index) => ({
        id: formatEventId(id),
        type: events[index]?.type,
        matched_webhooks: matchedWebhooks,
        duplicate: outcome.outcome === "duplicate",
        created_at: createdAt.toISOString(),
      }));
    case "key_reused":
      throw new DomainError("idempotency_conflict", "This Idempotency-Key was used for another request.");
    case "unknown_webhooks":
      throw invalidInput([
        {
          in: "body",
          pointer: `${pointerOf(outcome.eventIndex)}/webhook_ids`,
          detail: `names unknown webhooks: ${outcome.webhookIds.join(", ")}`,
        },
      ]);
    case "too_many_deliveries":
      throw invalidInput([
        {
          in: "body",
          pointer: "/events",
          detail: `would make more than ${DELIVERIES_MAX} deliveries; publish fewer events at once`,
        },
      ]);
    default:
      return outcome satisfies never;
  }
}

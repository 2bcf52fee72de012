import type { WithPayload } from "@homing/core/events/payloads";
import type { EventProgress, FollowedEvent } from "@homing/core/events/progress";
import Joi from "joi";

export const EVENT_STATUSES = ["pending", "processing", "completed", "failed", "skipped"] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

const STATUS_OF: Readonly<Record<EventProgress, EventStatus>> = {
  waiting: "pending",
  under_way: "processing",
  succeeded: "completed",
  failed: "failed",
  skipped: "skipped",
};

/** What a status is in core. */
export const PROGRESS_OF: Readonly<Record<EventStatus, EventProgress>> = {
  pending: "waiting",
  processing: "under_way",
  completed: "succeeded",
  failed: "failed",
  skipped: "skipped",
};

export const timeAnswer = () => Joi.string().isoDate().example("2025-12-29T10:00:05.000Z");

const statusFields = {
  id: Joi.string().guid().required(),
  eventId: Joi.string().guid().required(),
  eventType: Joi.string().required(),
  status: Joi.string()
    .valid(...EVENT_STATUSES)
    .required()
    .description("Of its worst delivery; `skipped` when no webhook was to get it"),
  createdAt: timeAnswer().required(),
  processedAt: timeAnswer().allow(null).required().description("When the last of its deliveries came to an end"),
};

export const eventStatusAnswer = Joi.object(statusFields).id("BaanxEventStatus");

export const eventAnswer = Joi.object({
  ...statusFields,
  tenant: Joi.string().required().description("The event's attribute `tenant`, else the organization"),
  payload: Joi.object().unknown().required(),
  userId: Joi.string().allow("", null).required().description("The event's attribute `userId`"),
  sourceService: Joi.string().allow("", null).required().description("The event's attribute `sourceService`"),
  queuedAt: timeAnswer().allow(null).required().description("When its first delivery was made"),
}).id("BaanxEvent");

/** How far an event has come, as the contract shows it. */
export function eventStatusBody(event: FollowedEvent): object {
  return {
    id: event.id,
    eventId: event.id,
    status: STATUS_OF[event.progress],
    eventType: event.type,
    createdAt: event.createdAt.toISOString(),
    processedAt: event.settledAt?.toISOString() ?? null,
  };
}

/** An event as JSON text, its payload byte for byte: numbers that no double can hold survive reading. */
export function eventJson(event: WithPayload<FollowedEvent>): string {
  const { attributes } = event;
  const head = JSON.stringify({
    ...eventStatusBody(event),
    tenant: attributes["tenant"] ?? event.organizationId,
    userId: attributes["userId"] ?? null,
    sourceService: attributes["sourceService"] ?? null,
    queuedAt: event.queuedAt?.toISOString() ?? null,
  });
  return `${head.slice(0, -1)},"payload":${event.payload}}`;
}

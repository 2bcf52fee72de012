import { EVENT_TYPE_CHARS_MAX, EVENT_TYPE_PATTERN } from "@homing/core/webhooks/match";
import {
  contractFieldsOf,
  type JsonFields,
  PROTECTION_DEFAULTS,
  type Webhook,
  type WebhookSettings,
} from "@homing/core/webhooks/webhook";
import Joi from "joi";
import { formatTime, localTime, timeAnswer } from "./schemas.js";

export const SIGNATURE_FORMAT = "theirstack";
const URL_CHARS_MAX = 2_083;
const SECRET_CHARS = { min: 16, max: 1_024 };
const DESCRIPTION_CHARS_MAX = 2_000;
const EVENT_TYPES_MAX = 100;
const TIMEOUT_MS = 15_000;
/** Homing knows neither users nor teams; clients expect an integer. */
const NOBODY = 0;

/** What means nothing to Homing: kept as given and given back. */
interface KeptFields {
  search_id?: number;
  listening_start_time?: string | null;
  trigger_once_per_company?: boolean;
}

/** What a client says of a webhook; for a change, any part of it. */
export interface WebhookInput extends KeptFields {
  url: string;
  description?: string | null;
  secret?: string | null;
  active_event_types?: string[] | null;
}

export const urlInput = () => Joi.string().min(1).max(URL_CHARS_MAX);
export const secretInput = () =>
  Joi.string()
    .min(SECRET_CHARS.min)
    .max(SECRET_CHARS.max)
    .allow(null)
    .description("Signs deliveries in X-TheirStack-Signature-256; without one they have no such header");

const fields = {
  url: urlInput(),
  search_id: Joi.number().integer(),
  description: Joi.string().allow("", null).max(DESCRIPTION_CHARS_MAX),
  listening_start_time: localTime().allow(null),
  trigger_once_per_company: Joi.boolean(),
  secret: secretInput(),
  active_event_types: Joi.array()
    .items(Joi.string().max(EVENT_TYPE_CHARS_MAX).pattern(EVENT_TYPE_PATTERN, "event type pattern"))
    .max(EVENT_TYPES_MAX)
    .allow(null)
    .description("Exact types, `job.*`, or `*`; empty or null: every type"),
};

export const webhookInput = Joi.object<WebhookInput>({
  ...fields,
  url: fields.url.required(),
  search_id: fields.search_id.required(),
})
  .unknown()
  .id("TheirstackWebhookInput");
export const webhookChange = Joi.object<Partial<WebhookInput>>(fields).unknown().id("TheirstackWebhookChange");

export const webhookAnswer = Joi.object({
  id: Joi.number().integer().required(),
  url: Joi.string().required(),
  search_id: Joi.number().integer().allow(null).required().description("Null for a webhook that was not made here"),
  description: Joi.string().allow("", null).required(),
  listening_start_time: Joi.string().allow(null).required(),
  trigger_once_per_company: Joi.boolean().required(),
  user_id: Joi.number().integer().required(),
  team_id: Joi.number().integer().required(),
  is_active: Joi.boolean().required(),
  is_archived: Joi.boolean().required(),
  created_at: timeAnswer().required(),
  updated_at: timeAnswer().required(),
  active_event_types: Joi.array().items(Joi.string()).required(),
  has_secret: Joi.boolean().required(),
}).id("TheirstackWebhook");

/** The settings of a new webhook. */
export function toSettings(input: WebhookInput): WebhookSettings {
  return {
    url: input.url,
    description: input.description ?? null,
    eventTypes: input.active_event_types ?? [],
    headers: {},
    auth: null,
    tls: null,
    retryPolicy: "theirstack",
    timeoutMs: TIMEOUT_MS,
    signatureFormats: toFormats([], input.secret ?? null),
    metadata: {},
    contractFields: toFields(input),
    ...PROTECTION_DEFAULTS,
  };
}

/** What an input changes of a webhook, and nothing it does not name. */
export function toChanges(webhook: Webhook, input: Partial<WebhookInput>): Partial<WebhookSettings> {
  return {
    ...(input.url !== undefined && { url: input.url }),
    ...(input.description !== undefined && { description: input.description }),
    ...(input.active_event_types !== undefined && { eventTypes: input.active_event_types ?? [] }),
    ...(input.secret !== undefined && { signatureFormats: toFormats(webhook.signatureFormats, input.secret) }),
    contractFields: toFields(input),
  };
}

/** A webhook as the contract shows it. */
export function webhookBodyOf(webhook: Webhook): object {
  const kept = contractFieldsOf(webhook, SIGNATURE_FORMAT);
  return {
    id: webhook.number,
    url: webhook.url,
    search_id: kept["search_id"] ?? null,
    description: webhook.description,
    listening_start_time: kept["listening_start_time"] ?? null,
    trigger_once_per_company: kept["trigger_once_per_company"] ?? false,
    user_id: NOBODY,
    team_id: NOBODY,
    is_active: webhook.state === "enabled",
    is_archived: webhook.state === "archived",
    created_at: formatTime(webhook.createdAt),
    updated_at: formatTime(webhook.updatedAt),
    active_event_types: webhook.eventTypes,
    has_secret: webhook.signatureFormats.includes(SIGNATURE_FORMAT),
  };
}

/** The client's own secret and the header that it signs come and go together. */
function toFormats(formats: readonly string[], secret: string | null): string[] {
  const others = formats.filter((format) => format !== SIGNATURE_FORMAT);
  return secret === null ? others : [...others, SIGNATURE_FORMAT];
}

function toFields({ search_id, listening_start_time, trigger_once_per_company }: KeptFields): JsonFields {
  const given = {
    ...(search_id !== undefined && { search_id }),
    ...(listening_start_time !== undefined && { listening_start_time }),
    ...(trigger_once_per_company !== undefined && { trigger_once_per_company }),
  };
  return { [SIGNATURE_FORMAT]: given };
}

import { limitRetries, resolveRetryPolicy } from "@homing/core/retry-schedule";
import { EVENT_TYPE_CHARS_MAX, EVENT_TYPE_PATTERN } from "@homing/core/webhooks/match";
import { contractFieldsOf, type Webhook, type WebhookSettings } from "@homing/core/webhooks/webhook";
import Joi from "joi";
import { timeAnswer } from "../../routes/schemas.js";
import { toSettings } from "../../routes/webhook-bodies.js";

const NAME_LENGTH_MAX = 200;
const URL_LENGTH_MAX = 2_048;
const DESCRIPTION_LENGTH_MAX = 500;
const EVENT_TYPES_MAX = 100;
const RETRIES_MAX = 10;
const RETRIES_DEFAULT = 5;

/** What a client says of a new endpoint. */
export interface EndpointInput {
  name: string;
  url: string;
  description?: string | null;
  subscribedEventTypes?: string[] | null;
  maxRetries: number;
}

// Members that Homing does not know are no fault of a client that was written for B3OS.
export const endpointInput = Joi.object<EndpointInput>({
  name: Joi.string().max(NAME_LENGTH_MAX).required(),
  url: Joi.string()
    .max(URL_LENGTH_MAX)
    .required()
    .description("http or https, without credentials, at a public address"),
  description: Joi.string().allow("", null).max(DESCRIPTION_LENGTH_MAX),
  subscribedEventTypes: Joi.array()
    .items(Joi.string().max(EVENT_TYPE_CHARS_MAX).pattern(EVENT_TYPE_PATTERN, "event type pattern"))
    .max(EVENT_TYPES_MAX)
    .allow(null)
    .description("Exact types, `run.*`, or `*`; empty or absent: every type"),
  maxRetries: Joi.number().integer().min(0).max(RETRIES_MAX).default(RETRIES_DEFAULT),
})
  .unknown()
  .id("B3osEndpointInput");

export const endpointAnswer = Joi.object({
  id: Joi.string().required(),
  organizationId: Joi.string().required(),
  name: Joi.string().description("Absent on an endpoint that was not made through this contract, as createdBy"),
  url: Joi.string().required(),
  description: Joi.string().allow(""),
  subscribedEventTypes: Joi.array().items(Joi.string()).required(),
  maxRetries: Joi.number().integer().required(),
  status: Joi.string().valid("active", "disabled").required(),
  disabledAt: timeAnswer(),
  createdBy: Joi.string().description("The API key that made it"),
  createdAt: timeAnswer().required(),
  updatedAt: timeAnswer().required(),
}).id("B3osEndpoint");

export const endpointWithSecretAnswer = Joi.object({
  endpoint: endpointAnswer.required(),
  signingSecret: Joi.string().required().example("whsec_…").description("Used as text by x-b3os-signature"),
});

/** The settings of a new webhook: signed and retried as B3OS does. */
export function settingsOf(input: EndpointInput, apiKeyId: string): WebhookSettings {
  const { name, url, description = null, subscribedEventTypes = null, maxRetries } = input;
  return {
    ...toSettings({ url, description, event_types: subscribedEventTypes, signature_formats: ["b3os"] }),
    retryPolicy: limitRetries("b3os", maxRetries),
    contractFields: { b3os: { name, createdBy: apiKeyId } },
  };
}

/** A webhook as the contract shows it; members that are undefined are not sent. */
export function endpointBody(organizationId: string, webhook: Webhook): object {
  const own = contractFieldsOf(webhook, "b3os");
  return {
    id: webhook.id,
    organizationId,
    name: own["name"],
    url: webhook.url,
    description: webhook.description ?? undefined,
    subscribedEventTypes: webhook.eventTypes,
    maxRetries: resolveRetryPolicy(webhook.retryPolicy).delaysSeconds.length,
    status: webhook.state === "enabled" ? "active" : "disabled",
    disabledAt: webhook.disabledAt ?? undefined,
    createdBy: own["createdBy"],
    createdAt: webhook.createdAt,
    updatedAt: webhook.updatedAt,
  };
}

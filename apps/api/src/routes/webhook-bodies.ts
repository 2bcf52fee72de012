import { EVENT_TYPE_CHARS_MAX, EVENT_TYPE_PATTERN } from "@homing/core/webhooks/match";
import { PROTECTION_DEFAULTS, type Webhook, type WebhookSettings } from "@homing/core/webhooks/webhook";
import { V1A_FORMAT } from "@homing/signature/ed25519";
import { LEGACY_FORMATS } from "@homing/signature/legacy";
import Joi from "joi";
import { fromRetryPolicy, retryPolicy, type RetryPolicyBody, toRetryPolicy } from "./retry-policy-body.js";
import { fromRateLimit, rateLimit, type RateLimitBody, toRateLimit } from "./rate-limit-body.js";
import { texts, timeAnswer } from "./schemas.js";
import { ownSecret } from "./secret-bodies.js";
import {
  authAnswer,
  type AuthBody,
  authBodyOf,
  tlsAnswer,
  type TlsBody,
  tlsBodyOf,
  toAuth,
  toTls,
  webhookAuth,
  webhookTls,
} from "./webhook-access-bodies.js";
import { webhookHeaders } from "./webhook-headers-body.js";

const URL_LENGTH_MAX = 2_048;
const EVENT_TYPES_MAX = 100;
const METADATA = { keysMax: 20, lengthMax: 512 };
const TIMEOUT_MS_DEFAULT = 15_000;
const IN_FLIGHT_MAX = 1_000;

/** What an owner says of a webhook; for a change, any part of it. */
export interface WebhookBody {
  url: string;
  event_types?: string[] | null;
  description?: string | null;
  headers?: Record<string, string>;
  auth?: AuthBody | null;
  tls?: TlsBody | null;
  retry_policy?: RetryPolicyBody;
  timeout_ms?: number;
  in_flight_max?: number;
  rate_limit?: RateLimitBody | null;
  ordering?: "none" | "event";
  signature_formats?: string[];
  metadata?: Record<string, string>;
}

const settings = {
  url: Joi.string().max(URL_LENGTH_MAX).description("http or https, without credentials, at a public address"),
  event_types: Joi.array()
    .items(Joi.string().max(EVENT_TYPE_CHARS_MAX).pattern(EVENT_TYPE_PATTERN, "event type pattern"))
    .max(EVENT_TYPES_MAX)
    .allow(null)
    .description(
      "Exact types, `invoice.*`, or `*`; empty or null: every type. Homing's own events (`homing.webhook.disabled`, " +
        "`homing.webhook.recovered`, `homing.delivery.exhausted`) go only to webhooks that name them, or `homing.*`",
    ),
  description: Joi.string().allow("", null).max(500),
  headers: webhookHeaders,
  auth: webhookAuth.allow(null),
  tls: webhookTls.allow(null),
  retry_policy: retryPolicy,
  timeout_ms: Joi.number()
    .integer()
    .min(1_000)
    .max(30_000)
    .description("One deadline for the whole request; 15000 unless told"),
  in_flight_max: Joi.number()
    .integer()
    .min(1)
    .max(IN_FLIGHT_MAX)
    .description(
      "Most requests to it at once, from each worker process; 10 unless told. Homing starts with fewer and learns",
    ),
  rate_limit: rateLimit
    .allow(null)
    .description("At most so many deliveries in each period, retries included; null: any number"),
  ordering: Joi.string()
    .valid("none", "event")
    .description(
      "`event`: strictly in the order of publishing, one at a time; one that fails is tried again before the next",
    ),
  signature_formats: Joi.array()
    .items(Joi.string().valid(...LEGACY_FORMATS, V1A_FORMAT))
    .max(LEGACY_FORMATS.length + 1)
    .unique()
    .description(
      "Beside the `v1` signature of Standard Webhooks: legacy headers, or with `standard_v1a` its ed25519 signature",
    ),
  metadata: texts(METADATA).description("The owner's own notes"),
};

export const webhookBody = Joi.object<WebhookBody & { secret?: string }>({
  ...settings,
  url: settings.url.required(),
  secret: ownSecret(),
}).id("WebhookInput");
export const webhookChangeBody = Joi.object<Partial<WebhookBody>>(settings).min(1).id("WebhookChange");

export const webhookAnswer = Joi.object({
  id: Joi.string().guid().required(),
  number: Joi.number().integer().required(),
  url: Joi.string().required(),
  event_types: Joi.array().items(Joi.string()).required(),
  description: Joi.string().allow("", null).required(),
  headers: Joi.object().pattern(Joi.string(), Joi.string()).required().description("The values are not shown"),
  auth: authAnswer.allow(null).required(),
  tls: tlsAnswer.allow(null).required(),
  retry_policy: retryPolicy.required(),
  timeout_ms: Joi.number().integer().required(),
  in_flight_max: Joi.number().integer().required(),
  rate_limit: rateLimit.allow(null).required(),
  ordering: Joi.string().valid("none", "event").required(),
  circuit: Joi.string()
    .valid("closed", "open", "half_open")
    .required()
    .description("`open`: it fails, and its deliveries wait; `half_open`: one of them is tried"),
  circuit_changed_at: timeAnswer().allow(null).required(),
  circuit_openings: Joi.number().integer().required().description("How often the circuit has opened"),
  signature_formats: Joi.array().items(Joi.string()).required(),
  public_key: Joi.string()
    .allow(null)
    .required()
    .description("`whpk_…`, by which its `v1a` signatures are verified; null: it never asked for them"),
  metadata: Joi.object().pattern(Joi.string(), Joi.string().allow("")).required(),
  state: Joi.string().valid("enabled", "disabled", "archived").required(),
  disabled_reason: Joi.string().allow(null).required(),
  disabled_at: timeAnswer().allow(null).required(),
  failing_since: timeAnswer()
    .allow(null)
    .required()
    .description("Since then every attempt has failed; after 5 days of it the next failure disables the webhook"),
  created_at: timeAnswer().required(),
  updated_at: timeAnswer().required(),
}).id("Webhook");

/** What a body says of a webhook's settings, and nothing it does not. */
export function toChanges(body: Partial<WebhookBody>): Partial<WebhookSettings> {
  return {
    ...(body.url !== undefined && { url: body.url }),
    ...(body.event_types !== undefined && { eventTypes: body.event_types ?? [] }),
    ...(body.description !== undefined && { description: body.description }),
    ...(body.headers !== undefined && { headers: body.headers }),
    ...(body.auth !== undefined && { auth: toAuth(body.auth) }),
    ...(body.tls !== undefined && { tls: toTls(body.tls) }),
    ...(body.retry_policy !== undefined && { retryPolicy: toRetryPolicy(body.retry_policy) }),
    ...(body.timeout_ms !== undefined && { timeoutMs: body.timeout_ms }),
    ...(body.in_flight_max !== undefined && { inFlightMax: body.in_flight_max }),
    ...(body.rate_limit !== undefined && { rateLimit: toRateLimit(body.rate_limit) }),
    ...(body.ordering !== undefined && { ordering: body.ordering }),
    ...(body.signature_formats !== undefined && { signatureFormats: body.signature_formats }),
    ...(body.metadata !== undefined && { metadata: body.metadata }),
  };
}

/** The settings of a new webhook: what its body says, and defaults. */
export function toSettings(body: WebhookBody): WebhookSettings {
  return {
    url: body.url,
    description: null,
    eventTypes: [],
    headers: {},
    auth: null,
    tls: null,
    retryPolicy: "standard",
    timeoutMs: TIMEOUT_MS_DEFAULT,
    signatureFormats: [],
    metadata: {},
    contractFields: {},
    ...PROTECTION_DEFAULTS,
    ...toChanges(body),
  };
}

export function webhookBodyOf(webhook: Webhook): Record<string, unknown> {
  return {
    id: webhook.id,
    number: webhook.number,
    url: webhook.url,
    event_types: webhook.eventTypes,
    description: webhook.description,
    headers: Object.fromEntries(Object.keys(webhook.headers).map((name) => [name, "[redacted]"])),
    auth: authBodyOf(webhook.auth),
    tls: tlsBodyOf(webhook.tls),
    retry_policy: fromRetryPolicy(webhook.retryPolicy),
    timeout_ms: webhook.timeoutMs,
    in_flight_max: webhook.inFlightMax,
    rate_limit: fromRateLimit(webhook.rateLimit),
    ordering: webhook.ordering,
    circuit: webhook.circuit,
    circuit_changed_at: webhook.circuitChangedAt?.toISOString() ?? null,
    circuit_openings: webhook.circuitOpenings,
    signature_formats: webhook.signatureFormats,
    public_key: webhook.publicKey,
    metadata: webhook.metadata,
    state: webhook.state,
    disabled_reason: webhook.disabledReason,
    disabled_at: webhook.disabledAt?.toISOString() ?? null,
    failing_since: webhook.failingSince?.toISOString() ?? null,
    created_at: webhook.createdAt.toISOString(),
    updated_at: webhook.updatedAt.toISOString(),
  };
}

import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { RETRY_PRESETS, type RetryPolicySetting } from "../retry-schedule.js";
import { textsOf } from "../texts.js";
import { openAuth, type WebhookAuth } from "./auth.js";
import { openHeaders } from "./headers.js";
import { openTls, type WebhookTls } from "./tls.js";

/** Members of a JSON object. */
export interface JsonFields {
  [name: string]: string | number | boolean | null | JsonFields | JsonFields[] | string[] | number[];
}

/** `closed`: it gets its deliveries; `open`: it fails and is left alone; `half_open`: one delivery is tried. */
export type CircuitState = "closed" | "open" | "half_open";

/** At most so many deliveries in each period. */
export interface RateLimit {
  count: number;
  periodSeconds: number;
}

/** What protects an endpoint, unless its owner chooses. */
export const PROTECTION_DEFAULTS = { inFlightMax: 10, rateLimit: null, ordering: "none" } as const satisfies Pick<
  WebhookSettings,
  "inFlightMax" | "rateLimit" | "ordering"
>;

export type WebhookState = "enabled" | "disabled" | "archived";

/** Where an organization wants its events, and how. */
export interface Webhook {
  /** UUIDv7. */
  id: string;
  /** Counts all webhooks of the installation. */
  number: number;
  url: string;
  description: string | null;
  /** Patterns; empty means every type. */
  eventTypes: string[];
  /** Sent with every delivery. The values are secrets. */
  headers: Record<string, string>;
  /** With its secrets. */
  auth: WebhookAuth | null;
  /** With its key. */
  tls: WebhookTls | null;
  retryPolicy: RetryPolicySetting;
  timeoutMs: number;
  /** Signatures beside the `v1` one of Standard Webhooks: legacy ones, or its `v1a`. */
  signatureFormats: string[];
  /** By which its `v1a` signatures are verified, `whpk_…`; null: it never asked for them. */
  publicKey: string | null;
  metadata: Record<string, string>;
  /** What a client of a foreign contract said besides; kept as given and given back to it alone. */
  contractFields: JsonFields;
  /** Most requests to it at once, in each worker process. */
  inFlightMax: number;
  rateLimit: RateLimit | null;
  /** `event`: strictly in the order of publishing, one at a time. */
  ordering: "none" | "event";
  circuit: CircuitState;
  circuitChangedAt: Date | null;
  /** How often it has opened. */
  circuitOpenings: number;
  state: WebhookState;
  disabledReason: string | null;
  disabledAt: Date | null;
  /** Since then every attempt has failed; null: the last one did not. */
  failingSince: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What its owner chooses of a webhook. */
export interface WebhookSettings {
  url: string;
  description: string | null;
  eventTypes: string[];
  headers: Record<string, string>;
  auth: WebhookAuth | null;
  tls: WebhookTls | null;
  retryPolicy: RetryPolicySetting;
  timeoutMs: number;
  signatureFormats: string[];
  metadata: Record<string, string>;
  contractFields: JsonFields;
  inFlightMax: number;
  rateLimit: RateLimit | null;
  ordering: "none" | "event";
}

export interface WebhookName {
  organizationId: string;
  webhookId: string;
}

type WebhookRow = NonNullable<Awaited<ReturnType<Context["db"]["webhook"]["findFirst"]>>>;

/** A webhook as its row holds it, what is sealed opened. @throws SealError when their key is missing */
export function toWebhook({ sealer }: Pick<Context, "sealer">, row: WebhookRow): Webhook {
  return {
    id: row.id,
    number: Number(row.number),
    url: row.url,
    description: row.description,
    eventTypes: row.eventTypes,
    headers: openHeaders(sealer, row.id, row.headersSealed),
    auth: openAuth(sealer, row.id, row.authSealed),
    tls: openTls(sealer, row.id, row.tlsSealed),
    retryPolicy: toRetryPolicy(row.retryPolicy),
    timeoutMs: row.timeoutMs,
    signatureFormats: row.signatureFormats,
    publicKey: row.publicKey,
    metadata: textsOf(row.metadata),
    contractFields: isFields(row.contractFields) ? row.contractFields : {},
    inFlightMax: row.inFlightMax,
    rateLimit:
      row.rateLimitCount === null || row.rateLimitPeriodSeconds === null
        ? null
        : { count: row.rateLimitCount, periodSeconds: row.rateLimitPeriodSeconds },
    ordering: row.ordering,
    circuit: row.circuit,
    circuitChangedAt: row.circuitChangedAt,
    circuitOpenings: row.circuitOpenings,
    state: row.state,
    disabledReason: row.disabledReason,
    disabledAt: row.disabledAt,
    failingSince: row.failingSince,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

/** What a caller is told of a webhook that its organization does not have. */
export function webhookNotFound(): DomainError {
  return new DomainError("not_found", "there is no such webhook");
}

/** What a client of one contract said of a webhook besides. */
export function contractFieldsOf({ contractFields }: Pick<Webhook, "contractFields">, contract: string): JsonFields {
  const fields = contractFields[contract];
  return isFields(fields) ? fields : {};
}

/** @throws DomainError `validation_error` that says what is wrong with the URL */
export async function assertUrlAllowed({ checkUrl }: Pick<Context, "checkUrl">, url: string): Promise<void> {
  const verdict = await checkUrl(url);
  if (!verdict.ok) {
    throw new DomainError("validation_error", "the webhook's URL was refused", [
      { pointer: "/url", detail: verdict.detail },
    ]);
  }
}

/** A policy as its column holds it. */
export function toRetryPolicy(value: unknown): RetryPolicySetting {
  if (isRetryPolicy(value)) return value;
  throw new Error("a webhook's stored retry policy cannot be read");
}

/** What the column holds is what `createWebhook` or `updateWebhook` wrote. */
function isRetryPolicy(value: unknown): value is RetryPolicySetting {
  if (typeof value === "string") return value in RETRY_PRESETS;
  return typeof value === "object" && value !== null && "delaysSeconds" in value;
}

function isFields(value: unknown): value is JsonFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

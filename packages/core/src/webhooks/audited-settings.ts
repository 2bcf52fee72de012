import { isDeepStrictEqual } from "node:util";
import type { AuditedFields } from "../audit-log/record.js";
import type { WebhookSettings } from "./webhook.js";

/** A webhook's settings as the audit log may hold them. */
export function auditedSettings(settings: WebhookSettings): AuditedFields {
  return spelled(shown(settings));
}

/**
 * The settings in which two states of a webhook differ, as they were and as they are; null: in none. Where a secret value alone differs both
 * sides look alike.
 */
export function changedSettings(
  old: WebhookSettings,
  current: WebhookSettings,
): { before: AuditedFields; after: AuditedFields } | null {
  const names = new Set(
    Object.keys(shown(current)).filter(
      (name) => !isDeepStrictEqual(Reflect.get(old, name), Reflect.get(current, name)),
    ),
  );
  if (names.size === 0) return null;
  const changed = (settings: WebhookSettings) =>
    Object.fromEntries(Object.entries(shown(settings)).filter(([name]) => names.has(name)));
  return { before: spelled(changed(old)), after: spelled(changed(current)) };
}

/** How each setting is shown: a new one has to be decided on here. */
function shown(settings: WebhookSettings) {
  const { eventTypes, timeoutMs, signatureFormats, inFlightMax, ordering, description, metadata } = settings;
  return {
    url: withoutCredentials(settings.url),
    description,
    eventTypes,
    // The values may be credentials.
    headers: Object.keys(settings.headers),
    // What proves who we are is a secret, and how we do so is not.
    auth: settings.auth && { type: settings.auth.type },
    tls: settings.tls && Object.keys(settings.tls),
    retryPolicy: settings.retryPolicy,
    timeoutMs,
    signatureFormats,
    metadata,
    // Whatever clients of foreign contracts sent: nobody knows what it holds.
    contractFields: Object.keys(settings.contractFields),
    inFlightMax,
    rateLimit: settings.rateLimit,
    ordering,
  } satisfies Record<keyof WebhookSettings, unknown>;
}

/** What stands before the host or in the query is often a token. A path is kept: it tells one end-point from another. */
export function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  if (url.search !== "") url.search = "redacted";
  return url.href;
}

/** With names as the API spells them, except those that its clients chose. */
function spelled({ retryPolicy, rateLimit, ...plain }: Partial<ReturnType<typeof shown>>): AuditedFields {
  return snakeCased({
    ...plain,
    ...(retryPolicy !== undefined && {
      retryPolicy: typeof retryPolicy === "string" ? retryPolicy : snakeCased(retryPolicy),
    }),
    ...(rateLimit !== undefined && { rateLimit: rateLimit && snakeCased(rateLimit) }),
  });
}

function snakeCased(fields: object): AuditedFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

import type { Prisma } from "@homing/db/client";
import type { Sealer } from "@homing/signature/sealing";
import { sealAuth } from "./auth.js";
import { sealHeaders } from "./headers.js";
import { sealTls } from "./tls.js";
import type { WebhookSettings } from "./webhook.js";

type PlainSettings = Omit<Partial<WebhookSettings>, "headers" | "auth" | "tls" | "retryPolicy" | "rateLimit">;

interface SettingsRow extends PlainSettings {
  retryPolicy?: Prisma.InputJsonValue;
  rateLimitCount?: number | null;
  rateLimitPeriodSeconds?: number | null;
}

/** Settings as their columns hold them; those with secrets are sealed apart (`sealSettings`), under the row's id. */
export function toRow({
  headers: _sealedApart,
  auth: _authApart,
  tls: _tlsApart,
  retryPolicy,
  rateLimit,
  ...plain
}: Partial<WebhookSettings>): SettingsRow {
  return {
    ...plain,
    ...(retryPolicy !== undefined && {
      retryPolicy: typeof retryPolicy === "string" ? retryPolicy : { ...retryPolicy },
    }),
    ...(rateLimit !== undefined && {
      rateLimitCount: rateLimit?.count ?? null,
      rateLimitPeriodSeconds: rateLimit?.periodSeconds ?? null,
    }),
  };
}

interface SealedRow {
  headersSealed?: string | null;
  authSealed?: string | null;
  tlsSealed?: string | null;
}

/** Those of the settings that hold secrets, sealed for the webhook's row. */
export function sealSettings(
  sealer: Sealer,
  webhookId: string,
  { headers, auth, tls }: Partial<WebhookSettings>,
): SealedRow {
  return {
    ...(headers !== undefined && { headersSealed: sealHeaders(sealer, webhookId, headers) }),
    ...(auth !== undefined && { authSealed: sealAuth(sealer, webhookId, auth) }),
    ...(tls !== undefined && { tlsSealed: sealTls(sealer, webhookId, tls) }),
  };
}

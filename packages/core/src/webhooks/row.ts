import type { Prisma } from "@homing/db/client";
import type { WebhookSettings } from "./webhook.js";

type PlainSettings = Omit<Partial<WebhookSettings>, "headers" | "retryPolicy" | "rateLimit">;

interface SettingsRow extends PlainSettings {
  retryPolicy?: Prisma.InputJsonValue;
  rateLimitCount?: number | null;
  rateLimitPeriodSeconds?: number | null;
}

/** Settings as their columns hold them; the headers are sealed apart, under the row's id. */
export function toRow({
  headers: _sealedApart,
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

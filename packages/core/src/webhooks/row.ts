import type { Prisma } from "@homing/db/client";
import type { WebhookSettings } from "./webhook.js";

/** Settings as their columns hold them; the headers are sealed apart, under the row's id. */
export function toRow({ headers: _sealedApart, retryPolicy, ...plain }: Partial<WebhookSettings>): Omit<
  Partial<WebhookSettings>,
  "headers" | "retryPolicy"
> & {
  retryPolicy?: Prisma.InputJsonValue;
} {
  if (retryPolicy === undefined) return plain;
  return { ...plain, retryPolicy: typeof retryPolicy === "string" ? retryPolicy : { ...retryPolicy } };
}

import type { IncomingHttpHeaders } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

export type Verdict = { kind: "valid" } | { kind: "invalid"; reason: string } | { kind: "not_checked" };

/** Whether any of the secrets (several during rotation) made the Standard Webhooks signature of this body. */
export function verifySignature(secrets: string[], headers: IncomingHttpHeaders, body: Buffer): Verdict {
  let reason: string | null = null;
  for (const secret of secrets) {
    const refusal = refusalOf(secret, headers, body);
    if (refusal === null) return { kind: "valid" };
    reason = refusal;
  }
  return reason === null ? { kind: "not_checked" } : { kind: "invalid", reason };
}

function refusalOf(secret: string, headers: IncomingHttpHeaders, body: Buffer): string | null {
  try {
    new Webhook(secret).verify(body, singleHeaders(headers), { jsonParse: false });
    return null;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message;
    throw error;
  }
}

function singleHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(" ") : (value ?? ""),
  ]);
  return Object.fromEntries(entries);
}

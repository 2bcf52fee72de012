import type { Context } from "../context.js";
import { DomainError, type Fault } from "../errors.js";
import { tlsFaults } from "./tls.js";
import type { WebhookSettings } from "./webhook.js";

/** What decides whether a receiver lets Homing in. */
export type AccessSettings = Pick<WebhookSettings, "url" | "headers" | "auth" | "tls">;

/**
 * Judges a webhook's authentication and TLS before they are stored, against each other and its URL and headers.
 * @param settings as they will be together
 * @param changed those that are new; what stands is not judged again
 * @throws DomainError `validation_error` that names the part that is wrong
 */
export async function assertAccessUsable(
  { checkUrl }: Pick<Context, "checkUrl">,
  { url, headers, auth, tls }: AccessSettings,
  changed: Partial<AccessSettings>,
): Promise<void> {
  const faults: Fault[] = [];
  const isHeaderGiven = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  if (auth !== null && isHeaderGiven && (changed.auth !== undefined || changed.headers !== undefined)) {
    faults.push({
      pointer: "/auth",
      detail: "sets Authorization, which is one of the headers, too: one of them must go",
    });
  }
  if (tls !== null && !url.startsWith("https:") && (changed.tls !== undefined || changed.url !== undefined)) {
    faults.push({ pointer: "/tls", detail: "wants a URL that begins with https:" });
  }
  if (changed.tls) faults.push(...tlsFaults(changed.tls, new Date()));
  if (changed.auth?.type === "oauth2_client_credentials") {
    const verdict = await checkUrl(changed.auth.tokenUrl);
    if (!verdict.ok) faults.push({ pointer: "/auth/token_url", detail: verdict.detail });
  }
  if (faults.length > 0) throw new DomainError("validation_error", "the webhook's auth or tls was refused", faults);
}

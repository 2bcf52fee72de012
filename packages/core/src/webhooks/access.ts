import type { Context } from "../context.js";
import { DomainError, type Fault } from "../errors.js";
import { tlsFaults } from "./tls.js";
import type { WebhookSettings } from "./webhook.js";

/** What decides whether a receiver lets Homing in. */
export type AccessSettings = Pick<WebhookSettings, "url" | "headers" | "auth" | "tls">;

/**
 * Judges a webhook's authentication and TLS, each by itself, before they are stored.
 * @throws DomainError `validation_error` that names the part that is wrong
 */
export async function assertAccessUsable(
  { checkUrl }: Pick<Context, "checkUrl">,
  { auth, tls }: Partial<AccessSettings>,
): Promise<void> {
  const faults = tls ? tlsFaults(tls, new Date()) : [];
  if (auth?.type === "oauth2_client_credentials") {
    const verdict = await checkUrl(auth.tokenUrl);
    if (!verdict.ok) faults.push({ pointer: "/auth/token_url", detail: verdict.detail });
  }
  refuseFaults(faults);
}

/**
 * Judges them against each other and against the URL and headers of a new webhook.
 * @throws DomainError `validation_error` that names the part that is wrong
 */
export function assertAccessFits(settings: AccessSettings): void {
  refuseFaults(accessFaults(settings, settings));
}

/**
 * Judges a change against the webhook as it stands, whose row the caller has locked: what others changed meanwhile counts, and a URL of
 * another origin does not get the credentials that were given for the old one.
 * @throws DomainError `validation_error` that names the part that is wrong
 */
export function assertChangeFits(standing: AccessSettings, changed: Partial<AccessSettings>): void {
  const faults = accessFaults({ ...standing, ...changed }, changed);
  if (changed.url !== undefined && new URL(changed.url).origin !== new URL(standing.url).origin) {
    const detail =
      "must be given or given up with a URL of another origin, which would get what was meant for the old one";
    const hasHeaders = Object.keys(standing.headers).length > 0;
    if (hasHeaders && changed.headers === undefined) faults.push({ pointer: "/headers", detail });
    if (standing.auth !== null && changed.auth === undefined) faults.push({ pointer: "/auth", detail });
  }
  refuseFaults(faults);
}

function refuseFaults(faults: Fault[]): void {
  if (faults.length > 0) throw new DomainError("validation_error", "the webhook's access was refused", faults);
}

function accessFaults({ url, headers, auth, tls }: AccessSettings, changed: Partial<AccessSettings>): Fault[] {
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
  return faults;
}

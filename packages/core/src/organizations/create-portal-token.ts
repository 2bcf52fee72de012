import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { lockGrantor, readNow } from "./grantor.js";
import { sealPortalToken } from "./portal-token.js";

/** Nobody's page publishes, reveals a secret that is in use, or makes keys. */
export const PORTAL_SCOPES = [
  "events:read",
  "webhooks:read",
  "webhooks:write",
  "deliveries:read",
  "deliveries:retry",
] as const;
export type PortalScope = (typeof PORTAL_SCOPES)[number];

export interface NewPortalToken {
  organizationId: string;
  scopes: readonly PortalScope[];
  /** The one webhook it is held to; null: all of the organization. */
  webhookId: string | null;
  lifetimeSeconds: number;
  /** The key that asks for it: with its revocation or its end the token is over, too. */
  grantedBy: string;
}

export interface PortalToken {
  /** It is returned here and kept nowhere. */
  token: string;
  expiresAt: Date;
}

/**
 * Makes a token for a tenant's page.
 * @throws DomainError `forbidden` for a scope that the asking key lacks, `unauthenticated` when that key was revoked meanwhile,
 * `validation_error` for a webhook that the organization does not have
 */
export async function createPortalToken(
  { db, sealer, actor }: Pick<Context, "db" | "sealer"> & Acting,
  { organizationId, scopes, webhookId, lifetimeSeconds, grantedBy }: NewPortalToken,
): Promise<PortalToken> {
  return db.$transaction(async (transaction) => {
    await lockGrantor(transaction, { organizationId, keyId: grantedBy, scopes });
    if (webhookId !== null) {
      const webhook = await transaction.webhook.findFirst({
        where: { id: webhookId, organizationId, isEphemeral: false },
      });
      if (webhook === null) throw unknownWebhook();
    }
    const expiresAtMs = (await readNow(transaction)).getTime() + lifetimeSeconds * 1000;
    const token = sealPortalToken(sealer, { apiKeyId: grantedBy, webhookId, scopes: [...scopes], expiresAtMs });
    const expiresAt = new Date(expiresAtMs);
    // It has no row of its own: it is the key's for as long as both last.
    const after = { webhook_id: webhookId, scopes, expires_at: expiresAt };
    const entry = { organizationId, action: "portal_token.created", targetId: grantedBy, after } as const;
    await recordAudit(transaction, actor, entry);
    return { token, expiresAt };
  });
}

function unknownWebhook(): DomainError {
  const faults = [{ pointer: "/webhook_id", detail: "names an unknown webhook" }];
  return new DomainError("validation_error", "Parts of the request are not valid; see errors.", faults);
}

import type { Sealer } from "@homing/signature/sealing";

const PREFIX = "homp_";
/** A token is sealed as what it is: nothing that is sealed elsewhere opens as one. */
const PLACE = "portal_token";

/** What a portal token says of its holder. */
export interface PortalGrant {
  /** The key that made it. */
  apiKeyId: string;
  webhookId: string | null;
  scopes: string[];
  expiresAtMs: number;
}

/** Tells by its look alone; an API key does not look so. */
export function isPortalToken(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** The grant itself, sealed: it is stored nowhere, and every process with the encryption keys can open it. */
export function sealPortalToken(sealer: Sealer, { apiKeyId, webhookId, scopes, expiresAtMs }: PortalGrant): string {
  return PREFIX + sealer.seal(JSON.stringify([apiKeyId, webhookId, scopes, expiresAtMs]), PLACE);
}

/** The grant of a token that was sealed here, expired or not; null for anything else. */
export function openPortalToken(sealer: Sealer, token: string): (PortalGrant & { token: string }) | null {
  const text = openText(sealer, token.slice(PREFIX.length));
  if (text === null) return null;
  const [apiKeyId, webhookId, scopes, expiresAtMs]: [string, string | null, string[], number] = JSON.parse(text);
  return { token, apiKeyId, webhookId, scopes, expiresAtMs };
}

function openText(sealer: Sealer, sealed: string): string | null {
  try {
    return sealer.open(sealed, PLACE);
  } catch {
    return null;
  }
}

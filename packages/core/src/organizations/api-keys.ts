import { hashApiKey } from "@homing/signature/api-key";
import type { Context } from "../context.js";
import { IS_VALID } from "./key.js";
import { isPortalToken, openPortalToken } from "./portal-token.js";

export const SCOPES = [
  "events:write",
  "events:read",
  "webhooks:read",
  "webhooks:write",
  "deliveries:read",
  "deliveries:retry",
  "secrets:read",
  "keys:manage",
] as const;
export type Scope = (typeof SCOPES)[number];

/** Whose request it is. */
export interface Caller {
  organizationId: string;
  /** The key that was shown or, for a portal token, the one that made it. */
  apiKeyId: string;
  scopes: readonly string[];
  /** What was shown. */
  by: "api_key" | "portal_token";
  /** The one webhook that a portal token is held to; null: all of the organization. */
  webhookId: string | null;
}

interface KeyRow {
  id: string;
  organization_id: string;
  scopes: string[];
}

/**
 * The callers behind API keys and portal tokens, as they are now: whoever remembers one asks again with what it does for it (decision
 * 21). Keys are found by the hash of their 256 random bits: how long that takes says nothing about a key that somebody guesses at.
 * @returns one for each key, in order; null for a key that is unknown, malformed, expired or revoked
 */
export async function authenticate(
  { db, sealer }: Pick<Context, "db" | "sealer">,
  keys: readonly string[],
): Promise<(Caller | null)[]> {
  const hashes = keys.map(hashApiKey);
  const [rows, holders] = await Promise.all([
    db.$queryRaw<(KeyRow & { key_hash: string })[]>`/* prepared authenticate */
      SELECT key_hash, id, organization_id, scopes FROM api_keys
      WHERE key_hash = ANY (${hashes}::text[]) AND ${IS_VALID}`,
    findTokenHolders({ db, sealer }, keys.filter(isPortalToken)),
  ]);
  const callers = new Map(
    rows.map(({ key_hash, id, organization_id: organizationId, scopes }) => [
      key_hash,
      { organizationId, apiKeyId: id, scopes, by: "api_key" as const, webhookId: null },
    ]),
  );
  return keys.map((key, index) => holders?.get(key) ?? callers.get(hashes[index] ?? "") ?? null);
}

/** A portal token is good for as long as the key that made it: both end by the database's clock. */
async function findTokenHolders(
  { db, sealer }: Pick<Context, "db" | "sealer">,
  tokens: readonly string[],
): Promise<Map<string, Caller> | null> {
  if (tokens.length === 0) return null;
  const grants = tokens.flatMap((token) => openPortalToken(sealer, token) ?? []);
  if (grants.length === 0) return null;
  const rows = await db.$queryRaw<(KeyRow & { now: Date })[]>`
    SELECT id, organization_id, scopes, now() AS now FROM api_keys
    WHERE id = ANY (${[...new Set(grants.map(({ apiKeyId }) => apiKeyId))]}::uuid[])
      AND ${IS_VALID}`;
  const rowById = new Map(rows.map((row) => [row.id, row]));
  const holders = new Map<string, Caller>();
  for (const { token, apiKeyId, webhookId, scopes, expiresAtMs } of grants) {
    const row = rowById.get(apiKeyId);
    if (row === undefined || row.now.getTime() >= expiresAtMs) continue;
    const held = scopes.filter((scope) => row.scopes.includes(scope));
    holders.set(token, { organizationId: row.organization_id, apiKeyId, scopes: held, by: "portal_token", webhookId });
  }
  return holders;
}

import { apiKeyPrefix, createApiKey, hashApiKey } from "@homing/signature/api-key";
import { v7 as uuidv7 } from "uuid";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";

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
  apiKeyId: string;
  scopes: readonly string[];
}

/**
 * The callers behind API keys, read at every request so that a revocation works at once.
 * @returns one for each key, in order; null for a key that is unknown, expired or revoked
 */
export async function authenticate({ db }: Pick<Context, "db">, keys: readonly string[]): Promise<(Caller | null)[]> {
  const hashes = keys.map(hashApiKey);
  const rows = await db.$queryRaw<
    { key_hash: string; id: string; organization_id: string; scopes: string[] }[]
  >`/* prepared authenticate */
    SELECT key_hash, id, organization_id, scopes FROM api_keys
    WHERE key_hash = ANY (${hashes}::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
  const callers = new Map(
    rows.map((row) => [row.key_hash, { organizationId: row.organization_id, apiKeyId: row.id, scopes: row.scopes }]),
  );
  return hashes.map((hash) => callers.get(hash) ?? null);
}

/** Makes an organization with one key of all scopes. The key is shown here and nowhere else. */
export async function createOrganization(
  { db }: Pick<Context, "db">,
  { name, key = createApiKey() }: { name: string; key?: string },
): Promise<{ organizationId: string; key: string }> {
  const organizationId = uuidv7();
  await db.organization.create({
    data: {
      id: organizationId,
      name,
      apiKeys: {
        create: {
          id: uuidv7(),
          name: "first key",
          keyHash: hashApiKey(key),
          keyPrefix: apiKeyPrefix(key),
          scopes: [...SCOPES],
        },
      },
    },
  });
  return { organizationId, key };
}

/** Serialises the first starts of several API processes on one new database. */
const FIRST_KEY_LOCK = 7_240_002;

/**
 * Sees to it that the configured key opens the first organization, which it makes on a new database.
 * @throws DomainError `validation_error` when the key is known but revoked or expired
 */
export async function ensureFirstKey({ db }: Pick<Context, "db">, key: string): Promise<void> {
  await db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT pg_advisory_xact_lock(${FIRST_KEY_LOCK})::text`;
    const known = await transaction.apiKey.findUnique({ where: { keyHash: hashApiKey(key) } });
    if (known !== null && (known.revokedAt !== null || (known.expiresAt !== null && known.expiresAt <= new Date()))) {
      throw new DomainError("validation_error", "HOMING_API_KEY is a key that was revoked or has expired");
    }
    if (known !== null) return;
    const first = await transaction.organization.findFirst({ orderBy: { id: "asc" } });
    const organization = first ?? (await transaction.organization.create({ data: { id: uuidv7(), name: "first" } }));
    await transaction.apiKey.create({
      data: {
        id: uuidv7(),
        organizationId: organization.id,
        name: "HOMING_API_KEY",
        keyHash: hashApiKey(key),
        keyPrefix: apiKeyPrefix(key),
        scopes: [...SCOPES],
      },
    });
  });
}

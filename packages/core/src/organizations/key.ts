import { Prisma, type Transaction } from "@homing/db/client";
import { apiKeyPrefix, hashApiKey } from "@homing/signature/api-key";
import { v7 as uuidv7 } from "uuid";
import type { Actor } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import { DomainError } from "../errors.js";

/** What is known of an API key; the key itself is not. */
export interface ApiKey {
  id: string;
  organizationId: string;
  name: string;
  /** Its first characters, by which its owner recognises it. */
  prefix: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date | null;
  /** To about a minute. */
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export interface KeyName {
  organizationId: string;
  keyId: string;
}

/** SQL of whether a row of `api_keys` still opens anything, by the database's clock. */
export const IS_VALID = Prisma.sql`revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;

interface KeyToInsert {
  organizationId: string;
  name: string;
  key: string;
  scopes: readonly string[];
  expiresAt?: Date | null;
}

/** The key is kept as its hash. */
export async function insertKey(
  transaction: Transaction,
  actor: Actor,
  { organizationId, name, key, scopes, expiresAt = null }: KeyToInsert,
): Promise<ApiKey> {
  const row = await transaction.apiKey.create({
    data: {
      id: uuidv7(),
      organizationId,
      name,
      keyHash: hashApiKey(key),
      keyPrefix: apiKeyPrefix(key),
      scopes: [...scopes],
      expiresAt,
    },
  });
  const after = { name, key_prefix: row.keyPrefix, scopes, expires_at: expiresAt };
  await recordAudit(transaction, actor, { organizationId, action: "key.created", targetId: row.id, after });
  return toKey(row);
}

/** Without its hash, which nobody has to see. */
export function toKey({
  keyHash: _kept,
  keyPrefix: prefix,
  ...row
}: Omit<ApiKey, "prefix"> & { keyHash: string; keyPrefix: string }): ApiKey {
  return { ...row, prefix };
}

export function keyNotFound(): DomainError {
  return new DomainError("not_found", "there is no such key");
}

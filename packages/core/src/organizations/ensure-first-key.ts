import { hashApiKey } from "@homing/signature/api-key";
import { SYSTEM } from "../audit-log/actor.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import { SCOPES } from "./api-keys.js";
import { insertOrganization } from "./create-organization.js";
import { insertKey } from "./key.js";

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
    const { id: organizationId } = first ?? (await insertOrganization(transaction, SYSTEM, "first"));
    await insertKey(transaction, SYSTEM, { organizationId, name: "HOMING_API_KEY", key, scopes: SCOPES });
  });
}

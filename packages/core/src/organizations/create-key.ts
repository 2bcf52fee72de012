import { createApiKey } from "@homing/signature/api-key";
import type { Acting } from "../audit-log/actor.js";
import type { Context } from "../context.js";
import { DomainError } from "../errors.js";
import type { Scope } from "./api-keys.js";
import { lockGrantor, readNow } from "./grantor.js";
import { type ApiKey, insertKey } from "./key.js";
import { organizationNotFound } from "./organization.js";

export interface NewKey {
  organizationId: string;
  name: string;
  scopes: readonly Scope[];
  /** null: never */
  expiresAt: Date | null;
  /** The key that asks for it, whose scopes it cannot go beyond; null: the operator does. */
  grantedBy: string | null;
}

/**
 * Makes a key; it is returned here and can be read nowhere else. It outlives the key that made it: so a key that is about to expire
 * makes its successor.
 * @throws DomainError `forbidden` for a scope that the asking key lacks, `unauthenticated` when that key was revoked meanwhile,
 * `validation_error` for an end that has passed, `not_found` when there is no such organization
 */
export async function createKey(
  { db, actor }: Pick<Context, "db"> & Acting,
  { organizationId, name, scopes, expiresAt, grantedBy }: NewKey,
): Promise<{ apiKey: ApiKey; key: string }> {
  return db.$transaction(async (transaction) => {
    if (grantedBy !== null) await lockGrantor(transaction, { organizationId, keyId: grantedBy, scopes });
    const organization = await transaction.organization.findUnique({ where: { id: organizationId } });
    if (organization === null) throw organizationNotFound();
    if (expiresAt !== null && expiresAt <= (await readNow(transaction))) throw endHasPassed();
    const key = createApiKey();
    return { apiKey: await insertKey(transaction, actor, { organizationId, name, key, scopes, expiresAt }), key };
  });
}

function endHasPassed(): DomainError {
  const faults = [{ pointer: "/expires_at", detail: "has passed" }];
  return new DomainError("validation_error", "The key would have expired already.", faults);
}

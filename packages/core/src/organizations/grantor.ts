import type { Transaction } from "@homing/db/client";
import { DomainError } from "../errors.js";
import { IS_VALID, type KeyName } from "./key.js";

/**
 * Holds the key that grants something until the grant is committed, so that it cannot be revoked in between.
 * @throws DomainError `unauthenticated` when it is no longer valid, `forbidden` for a scope that it lacks
 */
export async function lockGrantor(
  transaction: Transaction,
  { organizationId, keyId, scopes }: KeyName & { scopes: readonly string[] },
): Promise<void> {
  const [grantor] = await transaction.$queryRaw<{ scopes: string[] }[]>`
    SELECT scopes FROM api_keys
    WHERE id = ${keyId}::uuid AND organization_id = ${organizationId}::uuid
      AND ${IS_VALID}
    FOR SHARE`;
  if (grantor === undefined) throw new DomainError("unauthenticated", "The API key is no longer valid.");
  const lacking = scopes.find((scope) => !grantor.scopes.includes(scope));
  if (lacking !== undefined) {
    throw new DomainError("forbidden", `The API key lacks the scope ${lacking}, so it cannot grant it.`);
  }
}

/** The database's clock, by which keys expire. */
export async function readNow(transaction: Transaction): Promise<Date> {
  const [row] = await transaction.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
  if (row === undefined) throw new Error("the database told no time");
  return row.now;
}

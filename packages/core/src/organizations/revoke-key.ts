import type { Acting } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { type ApiKey, keyNotFound, type KeyName, toKey } from "./key.js";

/**
 * Revokes a key for good, and with it every portal token that it made: the next request of either is refused, whichever process it
 * comes to. What was revoked keeps its first time. A key may revoke itself, the last one of its organization, too: the operator can
 * always make another.
 * @throws DomainError `not_found`, also for another organization's key
 */
export async function revokeKey(
  { db, actor }: Pick<Context, "db"> & Acting,
  { organizationId, keyId }: KeyName,
): Promise<ApiKey> {
  return db.$transaction(async (transaction) => {
    const [revoked] = await transaction.apiKey.updateManyAndReturn({
      where: { id: keyId, organizationId, revokedAt: null },
      data: { revokedAt: new Date() },
    });
    if (revoked !== undefined) {
      const after = { revoked_at: revoked.revokedAt };
      await recordAudit(transaction, actor, { organizationId, action: "key.revoked", targetId: keyId, after });
    }
    const row = revoked ?? (await transaction.apiKey.findFirst({ where: { id: keyId, organizationId } }));
    if (row === null) throw keyNotFound();
    return toKey(row);
  });
}

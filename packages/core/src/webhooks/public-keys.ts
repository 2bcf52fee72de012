import type { Context } from "../context.js";

/**
 * The public keys by which a webhook's `v1a` signatures may be made now, newest first (`whpk_…`). It asks for no organization: whoever
 * has a webhook's id was told it. A webhook that does not exist is as good as one without keys.
 */
export async function listPublicKeys({ db }: Pick<Context, "db">, webhookId: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ public_key: string }[]>`
    SELECT public_key FROM webhook_signing_keys
    WHERE webhook_id = ${webhookId}::uuid AND (expires_at IS NULL OR expires_at > now())
    ORDER BY created_at DESC, id DESC`;
  return rows.map(({ public_key }) => public_key);
}

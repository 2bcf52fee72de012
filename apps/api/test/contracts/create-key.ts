import { SCOPES, type Scope } from "@homing/core/organizations/api-keys";
import type { Database } from "@homing/db/client";
import { apiKeyPrefix, createApiKey, hashApiKey } from "@homing/signature/api-key";
import { v7 as uuidv7 } from "uuid";

export interface NewKey {
  scopes?: readonly Scope[];
}

/** Makes one more key of an organization. */
export async function createKey(db: Database, organizationId: string, { scopes = SCOPES }: NewKey): Promise<string> {
  const key = createApiKey();
  await db.apiKey.create({
    data: {
      id: uuidv7(),
      organizationId,
      name: "another key",
      keyHash: hashApiKey(key),
      keyPrefix: apiKeyPrefix(key),
      scopes: [...scopes],
    },
  });
  return key;
}

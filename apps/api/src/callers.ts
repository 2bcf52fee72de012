import type { Context } from "@homing/core/context";
import { authenticate, type Caller } from "@homing/core/organizations/api-keys";
import type { KeyUse } from "@homing/core/organizations/key-use";
import { isItemFault } from "@homing/db/faults";
import { createBatch } from "@homing/runtime/batch";
import { hashApiKey } from "@homing/signature/api-key";
import { LRUCache } from "lru-cache";

const KEYS_IN_BATCH_MAX = 500;
const KEYS_WAITING_MAX = 5_000;
/** For how long a key is remembered to have been good: as often a stream of events asks for its key alone, which also notes its use. */
const RECALLED_MS = 30_000;
const RECALLED_MAX = 10_000;

/** Who holds which API key. */
export interface Callers {
  /** Asks the database, for many in one statement; null: nobody does. */
  authenticate(key: string): Promise<Caller | null>;
  /** Who held it when it was last asked for, half a minute ago at most; null: nobody knows. It may be revoked since. */
  recall(key: string): Caller | null;
}

/** @param keyUse notes the keys that were asked for and are good */
export function createCallers({ db, sealer, keyUse }: Pick<Context, "db" | "sealer"> & { keyUse?: KeyUse }): Callers {
  const recalled = new LRUCache<string, Caller>({ max: RECALLED_MAX, ttl: RECALLED_MS });

  async function flush(keys: string[]): Promise<(Caller | null)[]> {
    const callers = await authenticate({ db, sealer }, keys);
    for (const [index, key] of keys.entries()) remember(key, callers[index] ?? null);
    return callers;
  }
  function remember(key: string, caller: Caller | null): void {
    if (caller !== null) keyUse?.note(caller.apiKeyId);
    if (caller?.by === "api_key") recalled.set(hashApiKey(key), caller);
    else recalled.delete(hashApiKey(key));
  }
  const batch = createBatch({ flush, itemsMax: KEYS_IN_BATCH_MAX, waitingMax: KEYS_WAITING_MAX, isItemFault });
  return {
    authenticate: batch.add,
    recall: (key) => recalled.get(hashApiKey(key)) ?? null,
  };
}

import type { Context } from "../context.js";

/** Which keys were used since the last write. */
export interface KeyUse {
  note(apiKeyId: string): void;
  /** Writes down what was noted, in one statement. Never rejects: what could not be written is noted still. */
  write(): Promise<void>;
}

/**
 * Remembers which keys are used, so that their last use costs no write of a request: each is written once for each call of `write`,
 * however often it was used. It holds no more than one id for each valid key.
 */
export function createKeyUse({ db, log }: Pick<Context, "db" | "log">): KeyUse {
  let used = new Set<string>();
  return {
    note: (apiKeyId) => void used.add(apiKeyId),
    async write() {
      if (used.size === 0) return;
      const written = used;
      used = new Set();
      try {
        // Locked in one order, so that two processes that write the same keys do not wait for each other.
        await db.$executeRaw`
          UPDATE api_keys SET last_used_at = now()
          FROM (
            SELECT id FROM api_keys WHERE id = ANY (${[...written]}::uuid[]) ORDER BY id FOR NO KEY UPDATE
          ) used
          WHERE api_keys.id = used.id`;
      } catch (error) {
        for (const apiKeyId of written) used.add(apiKeyId);
        log.warn({ err: error }, "key_use.not_written");
      }
    },
  };
}

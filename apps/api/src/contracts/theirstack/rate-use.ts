import type { RateUse } from "../../rate-limit.js";

/** By the names of the IETF draft's earlier versions, each with a plain number; the reset is in seconds from now. */
export function spellRateUse({ limit, remaining, resetSeconds }: RateUse): Record<string, string> {
  return {
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": String(remaining),
    "RateLimit-Reset": String(resetSeconds),
  };
}

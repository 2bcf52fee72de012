import type { RateUse } from "../../rate-limit.js";

/** Each with a plain number; the reset is in seconds from now. */
export function spellRateUse({ limit, remaining, resetSeconds }: RateUse): Record<string, string> {
  return {
    "X-RateLimit-Limit": String(limit),
    "X-RateLimit-Remaining": String(remaining),
    "X-RateLimit-Reset": String(resetSeconds),
  };
}

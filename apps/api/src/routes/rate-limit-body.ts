import type { RateLimit } from "@homing/core/webhooks/webhook";
import Joi from "joi";

const RATE_LIMIT = { countMax: 100_000, periodSecondsMax: 24 * 60 * 60 };

export interface RateLimitBody {
  count: number;
  period_seconds: number;
}

export const rateLimit = Joi.object<RateLimitBody>({
  count: Joi.number().integer().min(1).max(RATE_LIMIT.countMax).required(),
  period_seconds: Joi.number().integer().min(1).max(RATE_LIMIT.periodSecondsMax).required(),
});

export function toRateLimit(body: RateLimitBody | null): RateLimit | null {
  return body && { count: body.count, periodSeconds: body.period_seconds };
}

export function fromRateLimit(limit: RateLimit | null): RateLimitBody | null {
  return limit && { count: limit.count, period_seconds: limit.periodSeconds };
}

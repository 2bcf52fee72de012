import { RETRY_PRESETS, type RetryPolicySetting } from "@homing/core/retry-schedule";
import Joi from "joi";

const DELAYS_MAX = 100;
const DELAY_SECONDS_MAX = 7 * 24 * 60 * 60;
const FINAL_STATUSES_MAX = 300;
const JITTER_DEFAULT = 0.2;

export type RetryPolicyBody =
  | keyof typeof RETRY_PRESETS
  | { delays_seconds: number[]; jitter?: number; final_statuses?: number[] };

const ownPolicy = Joi.object({
  delays_seconds: Joi.array()
    .items(Joi.number().min(0).max(DELAY_SECONDS_MAX))
    .max(DELAYS_MAX)
    .required()
    .description("The wait after the first, second, … failed attempt; with none left the delivery has failed"),
  jitter: Joi.number().min(0).max(1).description("The share by which a delay varies either way; 0.2 unless told"),
  final_statuses: Joi.array()
    .items(Joi.number().integer().min(300).max(599))
    .max(FINAL_STATUSES_MAX)
    .description("These end the series"),
});

const preset = Joi.valid(...Object.keys(RETRY_PRESETS)).messages({
  "any.only": "{{#label}} must be an object or one of {{#valids}}",
});

// By kind, so that a fault is told where it stands in an object.
export const retryPolicy = Joi.alternatives()
  // oxlint-disable-next-line unicorn/no-thenable -- a word of Joi's
  .conditional(Joi.object().unknown(), { then: ownPolicy, otherwise: preset })
  .description("A preset's name or a policy of its own; `standard` unless told");

export function toRetryPolicy(body: RetryPolicyBody): RetryPolicySetting {
  if (typeof body === "string") return body;
  const { delays_seconds, jitter = JITTER_DEFAULT, final_statuses = [] } = body;
  return { delaysSeconds: delays_seconds, jitter, finalStatuses: final_statuses };
}

export function fromRetryPolicy(policy: RetryPolicySetting): RetryPolicyBody {
  if (typeof policy === "string") return policy;
  const { delaysSeconds, jitter, finalStatuses } = policy;
  return { delays_seconds: [...delaysSeconds], jitter, final_statuses: [...finalStatuses] };
}

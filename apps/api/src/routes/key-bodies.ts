import { SCOPES, type Scope } from "@homing/core/organizations/api-keys";
import type { ApiKey } from "@homing/core/organizations/key";
import Joi from "joi";
import { time, timeAnswer } from "./schemas.js";

const NAME_CHARS_MAX = 100;

/** What an organization or a key is called. */
export const shortName = () => Joi.string().min(1).max(NAME_CHARS_MAX);

export interface KeyBody {
  name: string;
  scopes: Scope[];
  expires_at?: string | null;
}

export const keyBody = Joi.object<KeyBody>({
  name: shortName().required(),
  scopes: Joi.array()
    .items(Joi.string().valid(...SCOPES))
    .min(1)
    .max(SCOPES.length)
    .unique()
    .required()
    .description("What it may do"),
  expires_at: time().allow(null).description("When it ends; null, or not named: never"),
}).id("KeyInput");

export const keyAnswer = Joi.object({
  id: Joi.string().guid().required(),
  name: Joi.string().required(),
  prefix: Joi.string().required().example("hom_Xb3kQ9aP").description("Its first characters, to recognise it by"),
  scopes: Joi.array().items(Joi.string()).required(),
  created_at: timeAnswer().required(),
  expires_at: timeAnswer().allow(null).required(),
  last_used_at: timeAnswer().allow(null).required().description("To about a minute; null: never"),
  revoked_at: timeAnswer().allow(null).required(),
}).id("Key");

/** The only answer that holds the key. */
export const newKeyAnswer = keyAnswer
  .keys({ key: Joi.string().required().example("hom_…").description("It is shown here and never again") })
  .id("NewKey");

/** A key as it is answered, without the key itself. */
export function keyBodyOf({ id, name, prefix, scopes, ...times }: ApiKey): object {
  return {
    id,
    name,
    prefix,
    scopes,
    created_at: times.createdAt.toISOString(),
    expires_at: times.expiresAt?.toISOString() ?? null,
    last_used_at: times.lastUsedAt?.toISOString() ?? null,
    revoked_at: times.revokedAt?.toISOString() ?? null,
  };
}

/** What a verb needs of a key to be made. */
export function toNewKey({ name, scopes, expires_at }: KeyBody): {
  name: string;
  scopes: Scope[];
  expiresAt: Date | null;
} {
  return { name, scopes, expiresAt: expires_at ? new Date(expires_at) : null };
}

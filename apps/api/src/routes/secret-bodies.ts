import { isWebhookSecret } from "@homing/signature/secrets";
import Joi from "joi";

const SECRET_CHARS_MAX = 100;
const OVERLAP_SECONDS_MAX = 7 * 24 * 60 * 60;

/** What a rotation may be told; nothing must be. */
export interface RotationBody {
  secret?: string;
  expire_previous_after_seconds?: number;
}

/** A secret that a client brings; no refusal repeats it. */
export const ownSecret = () =>
  Joi.string()
    .max(SECRET_CHARS_MAX)
    .custom((text: string, helpers) => (isWebhookSecret(text) ? text : helpers.error("secret.form")))
    .messages({ "secret.form": "{{#label}} must be whsec_ and the padded base64 of 24 to 64 bytes" })
    .description("`whsec_` and the base64 of 24 to 64 random bytes, to be used instead of a new one");

export const rotationBody = Joi.object<RotationBody>({
  secret: ownSecret(),
  expire_previous_after_seconds: Joi.number()
    .integer()
    .min(0)
    .max(OVERLAP_SECONDS_MAX)
    .description("When the secrets before it end at the latest; 0: at once. 86400 unless told"),
}).id("SecretRotation");

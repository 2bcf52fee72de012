import { isOwnHeader } from "@homing/core/webhooks/headers";
import { isReservedHeader } from "@homing/egress/request-headers";
import Joi from "joi";

const HEADERS_MAX = 20;
/** Names and values together. */
const HEADERS_CHARS_MAX = 8_192;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
/** No line end, no NUL, nothing beyond ASCII, no space around it: it arrives as it was given. */
const HEADER_VALUE = /^([\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?)?$/;

const headerName = Joi.string()
  .pattern(HEADER_NAME)
  .custom((name: string, helpers) =>
    isReservedHeader(name) || isOwnHeader(name) ? helpers.error("any.invalid") : name,
  );

/** The headers that an owner has sent with every delivery, replaced as a whole. */
export const webhookHeaders = Joi.object<Record<string, string>>()
  .pattern(headerName, Joi.string().allow("").pattern(HEADER_VALUE))
  .max(HEADERS_MAX)
  .custom(checkWhole)
  .messages({
    "headers.twice": "{{#label}} must not name a header twice: case does not tell names apart",
    "headers.size": `{{#label}} must have at most ${HEADERS_CHARS_MAX} characters, names and values together`,
  })
  .description(
    "Sent with every delivery; the values are kept encrypted and never shown. Homing's own headers, those that frame a request or belong to its " +
      "connection, cookies, and those by which servers believe who asks (`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, …) are refused",
  );

function checkWhole(headers: Record<string, string>, helpers: Joi.CustomHelpers): unknown {
  const entries = Object.entries(headers);
  if (new Set(entries.map(([name]) => name.toLowerCase())).size < entries.length) return helpers.error("headers.twice");
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return size > HEADERS_CHARS_MAX ? helpers.error("headers.size") : headers;
}

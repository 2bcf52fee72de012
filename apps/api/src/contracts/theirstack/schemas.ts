import Joi from "joi";

const DIGITS = /^-?\d{1,16}$/;
const LOCAL_TIME =
  /^\d{4}-\d{2}-\d{2}(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;
const ZONE_CHARS_MAX = 64;

/** An integer id; in a path or query its digits alone, so that `1e3` and `1.0` are none. */
export const numberId = () =>
  Joi.number()
    .integer()
    .custom((value: number, helpers) => {
      const { original } = helpers;
      return typeof original === "string" && !DIGITS.test(original) ? helpers.error("number.integer") : value;
    });

export const webhookParams = Joi.object<{ webhook_id: number }>({
  webhook_id: numberId().required().description("The webhook's number"),
});

/** ISO 8601 with or without an offset; stays a text. */
export const localTime = () =>
  Joi.string()
    .pattern(LOCAL_TIME, "ISO 8601")
    .custom((text: string, helpers) => (LOCAL_TIME.test(text) && !isDay(text) ? helpers.error("time.day") : text))
    .messages({
      "string.pattern.name": "{{#label}} must be a time as in ISO 8601",
      "time.day": "{{#label}} must be a day that there is",
    })
    .example("2026-01-01T00:00:00");

/** An IANA time zone. */
export const timeZone = () =>
  Joi.string()
    .max(ZONE_CHARS_MAX)
    .custom((name: string, helpers) => (isTimeZone(name) ? name : helpers.error("time.zone")))
    .messages({ "time.zone": "{{#label}} must be an IANA time zone" })
    .example("Europe/Madrid");

/** A time in an answer: UTC, with milliseconds only where there are any. */
export const timeAnswer = () => Joi.string().isoDate().example("2026-04-23T10:00:05Z");

/** A time as answers have it. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(".000Z", "Z");
}

/** Date reads February 30th as March 2nd. */
function isDay(text: string): boolean {
  const day = text.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(8));
}

/** Offsets are no names: Postgres reads their sign the other way round. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

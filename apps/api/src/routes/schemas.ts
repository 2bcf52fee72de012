import { EVENT_TYPE, EVENT_TYPE_CHARS_MAX, isOwnType } from "@homing/core/webhooks/match";
import { parseEventId } from "@homing/core/events/event-id";
import Joi from "joi";

const RFC_3339 =
  /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
// What Date and Postgres both hold and four digits can spell.
const TIME_MS = { min: Date.parse("0001-01-01T00:00:00.000Z"), max: Date.parse("9999-12-31T23:59:59.999Z") };
/** More than any spelling of an id has. */
export const ID_CHARS_MAX = 128;
const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;

// The messages below are their rules': those of a schema (`messages`) are merged with Joi's own at every validation, which takes longer
// than the rest of it.

/** A UUID, validated to lower case; any of the versions, because foreign clients send ids that are of none. */
export const uuid = () =>
  Joi.string()
    .pattern(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/, "a UUID")
    .rule({ message: "{{#label}} must be a UUID" })
    .custom((text: string) => text.toLowerCase());

/** An event's id in either spelling, validated to its UUID. */
export const eventId = () =>
  Joi.string()
    .max(ID_CHARS_MAX)
    .custom((text: string, helpers) => parseEventId(text) ?? helpers.error("event.id"))
    .rule({ message: "{{#label}} must be evt_ and a ULID, or a UUID" })
    .description("`evt_` and a ULID, or the UUID of the same 128 bits");

export const eventType = () =>
  Joi.string()
    .max(EVENT_TYPE_CHARS_MAX)
    .pattern(EVENT_TYPE, "event type")
    .rule({ message: "{{#label}} must be words of letters, digits, _ and -, joined by dots" })
    .example("invoice.paid");

/** A type that may be published: Homing's own are not. */
export const publishedType = () => notOwn(eventType()).description("`homing.` is kept for Homing's own events");

/** Refuses the types of Homing's own events, with a text that says so. */
export const notOwn = (schema: Joi.StringSchema): Joi.StringSchema =>
  schema
    .custom((text: string, helpers) => (isOwnType(text) ? helpers.error("event.own") : text))
    .rule({ message: "{{#label}} must not start with homing.: these are Homing's own events" });

/** A point in time as text (RFC 3339, with its offset); stays a text. */
export const time = () =>
  Joi.string()
    .ruleset.pattern(RFC_3339, "RFC 3339")
    .custom((text: string, helpers) => (RFC_3339.test(text) && !isInstant(text) ? helpers.error("time.rfc3339") : text))
    .rule({ message: "{{#label}} must be a time as in RFC 3339, with its offset" })
    .example("2026-04-23T10:00:05.000Z");

/** Date reads February 30th as March 2nd. */
function isInstant(text: string): boolean {
  const timeMs = Date.parse(text);
  const day = text.slice(0, 10);
  const isDay = new Date(`${day}T00:00:00Z`).getUTCDate() === Number(day.slice(8));
  return isDay && timeMs >= TIME_MS.min && timeMs <= TIME_MS.max;
}

/** A time in an answer: UTC with milliseconds. */
export const timeAnswer = () => Joi.string().isoDate().example("2026-04-23T10:00:05.000Z");

/** Names and short texts, as producers and owners attach them. */
export const texts = (options: { keysMax: number; lengthMax: number }) =>
  Joi.object().pattern(Joi.string().max(64), Joi.string().allow("").max(options.lengthMax)).max(options.keysMax);

/** Whatever a list takes besides its own filters. */
export const pageQuery = {
  limit: Joi.number().integer().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT).description("Most items on a page"),
  cursor: Joi.string().max(200).description("`next_cursor` of the page before"),
};

export interface PageQuery {
  limit: number;
  cursor?: string;
}

/** A page of a list in an answer. */
export const pageOf = (item: Joi.Schema) =>
  Joi.object({
    data: Joi.array().items(item).required(),
    next_cursor: Joi.string().allow(null).required().description("For the next page; null on the last"),
  });

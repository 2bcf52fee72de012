import { parseEventId } from "@homing/core/events/event-id";
import Joi from "joi";
import { ID_CHARS_MAX } from "../../routes/schemas.js";

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const NOT_A_UUID = "must be a valid UUID";

/** What Joi says of a text that is no UUID, whatever is wrong with it. */
const MESSAGES = {
  "string.base": NOT_A_UUID,
  "string.empty": NOT_A_UUID,
  "string.max": NOT_A_UUID,
  "string.pattern.name": NOT_A_UUID,
  "event.id": NOT_A_UUID,
};

/** Of any version. */
export const uuid = () => Joi.string().pattern(UUID, "a UUID").messages(MESSAGES);

/** An event's id in either spelling; stays as it was spelt. */
export const eventIdText = () =>
  Joi.string()
    .max(ID_CHARS_MAX)
    .custom((text: string, helpers) => (parseEventId(text) === null ? helpers.error("event.id") : text))
    .messages(MESSAGES)
    .description("A UUID, or `evt_` and the ULID of the same 128 bits");

/** The UUID of an event's id that passed `eventIdText`. */
export function toEventId(text: string): string {
  return parseEventId(text) ?? text;
}

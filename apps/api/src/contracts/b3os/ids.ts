import { DomainError } from "@homing/core/errors";
import Joi from "joi";
import { ID_CHARS_MAX, uuid } from "../../routes/schemas.js";

// To the client ids are opaque: one that is malformed is an unknown one.
export const idParams = Joi.object<{ id: string }>({ id: Joi.string().max(ID_CHARS_MAX).required() });

const schema = uuid();

/** The id as Homing spells it; null when no row can have it. */
export function toId(text: string): string | null {
  const { error, value } = schema.validate(text);
  return error === undefined ? value : null;
}

/** @throws DomainError `not_found` */
export function requireDeliveryId(text: string): string {
  const id = toId(text);
  if (id === null) throw deliveryNotFound();
  return id;
}

/** What is answered to an id of no delivery. */
export function deliveryNotFound(): DomainError {
  return new DomainError("not_found", "There is no such delivery.");
}

/** @throws DomainError `not_found` */
export function requireEndpointId(text: string): string {
  const id = toId(text);
  if (id === null) throw endpointNotFound();
  return id;
}

/** What is answered to an id of no endpoint. */
export function endpointNotFound(): DomainError {
  return new DomainError("not_found", "There is no such endpoint.");
}

import Joi from "joi";
import { uuid } from "../../routes/schemas.js";

export const TAG = "Kallima Bio";

/** Ids of any UUID version and of none: the vendor's own examples have no version. */
export const params = Joi.object<{ delivery_id: string }>({ delivery_id: uuid().required() });

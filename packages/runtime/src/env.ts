import type Joi from "joi";
import { StartError } from "./start-error.js";

/**
 * Reads one app's variables: unknown ones are ignored, an empty one counts as unset, all faults are named at once.
 * @throws StartError naming each variable that is missing or malformed; values are never repeated, they may be secrets.
 */
export function readEnv<Config>(schema: Joi.ObjectSchema<Config>, env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const { error, value } = schema.validate(set, { abortEarly: false, convert: true, stripUnknown: true });
  if (error) {
    const faults = error.details.map((detail) => detail.message.replaceAll('"', ""));
    throw new StartError(`configuration: ${faults.join("; ")}`);
  }
  return value;
}

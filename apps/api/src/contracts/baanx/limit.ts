import Joi from "joi";

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 50;

/** How many a list answers at most. */
export const limit = () => Joi.number().integer().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT);

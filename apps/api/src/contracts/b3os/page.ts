import Joi from "joi";

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;
/** Rows before it are read and thrown away. */
const OFFSET_MAX = 100_000;

export interface PageQuery {
  limit: number;
  offset: number;
}

export const pageQuery = {
  limit: Joi.number().integer().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT).description("Most items on a page"),
  offset: Joi.number().integer().min(0).max(OFFSET_MAX).default(0).description("How many items to pass over"),
};

/** A page of a list in an answer. */
export function pageOf(item: Joi.Schema): Joi.ObjectSchema {
  return Joi.object({
    items: Joi.array().items(item).required(),
    limit: Joi.number().integer().required(),
    offset: Joi.number().integer().required(),
    hasMore: Joi.boolean().required(),
  });
}

/** A page as JSON text; its items are JSON texts, newest first. */
export function pageJson({ limit, offset }: PageQuery, items: readonly string[], hasMore: boolean): string {
  const tail = JSON.stringify({ limit, offset, hasMore });
  return `{"items":[${items.join(",")}],${tail.slice(1)}`;
}

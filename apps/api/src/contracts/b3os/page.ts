import { OFFSET_MAX } from "@homing/core/deliveries/records";
import Joi from "joi";

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;

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
export function pageJson(query: PageQuery, items: readonly string[], hasMore: boolean): string {
  const { before, after } = pageEdges(query, hasMore);
  return `${before}${items.join(",")}${after}`;
}

/** What stands around the items of a page. */
export function pageEdges({ limit, offset }: PageQuery, hasMore: boolean): { before: string; after: string } {
  const tail = JSON.stringify({ limit, offset, hasMore });
  return { before: '{"items":[', after: `],${tail.slice(1)}` };
}

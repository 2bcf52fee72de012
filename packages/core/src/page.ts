/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  /** The id to go on after, or null at the end. */
  nextAfter: string | null;
}

/** What every list takes; a page goes on after the last id of the page before. */
export interface PageRequest {
  organizationId: string;
  limit: number;
  after: string | null;
}

/** Makes a page of rows read with `limit + 1`: the one too many shows that there is more. */
export function toPage<Item extends { id: string }>(rows: Item[], limit: number): Page<Item> {
  const items = rows.slice(0, limit);
  return { items, nextAfter: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

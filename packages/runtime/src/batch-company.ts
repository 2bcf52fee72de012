/** Flushes of so many items, on the average of late, say that more are about to come, and the next one waits for them. */
const COMPANY_ITEMS_MIN = 3;
/** The part of the last flush in that average. */
const COMPANY_LAST_SHARE = 1 / 8;
/** After so long without a flush nothing is known of what is about to come. */
const COMPANY_LAPSE_MS = 50;

/** What the flushes of late say of those that are about to come. */
export interface Company {
  isExpected(): boolean;
  noteFlush(items: number): void;
}

export function createCompany(): Company {
  let usualItems = 0;
  let leftAtMs = Number.NEGATIVE_INFINITY;
  const hasLapsed = (): boolean => performance.now() - leftAtMs >= COMPANY_LAPSE_MS;
  return {
    isExpected: () => usualItems >= COMPANY_ITEMS_MIN && !hasLapsed(),
    noteFlush(items) {
      if (hasLapsed()) usualItems = 0;
      usualItems += (items - usualItems) * COMPANY_LAST_SHARE;
      leftAtMs = performance.now();
    },
  };
}

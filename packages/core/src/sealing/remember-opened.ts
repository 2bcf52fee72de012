import type { Sealer } from "@homing/signature/sealing";
import { LRUCache } from "lru-cache";

const TEXTS_MAX = 10_000;
/** Of sealed and opened texts together: about 16 MiB. */
const CHARS_MAX = 8 * 1024 * 1024;

/**
 * A sealer that opens each text once and keeps those that were used last: a webhook's secrets do not change from one delivery to the
 * next. Kept under the sealed text, so that what the row does not hold any more is never used again.
 */
export function rememberOpened(sealer: Sealer): Sealer {
  const opened = new LRUCache<string, { text: string }>({
    max: TEXTS_MAX,
    maxSize: CHARS_MAX,
    sizeCalculation: ({ text }, place) => place.length + text.length,
  });
  return {
    ...sealer,
    open(sealed, context) {
      const place = `${context} ${sealed}`;
      const known = opened.get(place);
      if (known !== undefined) return known.text;
      const text = sealer.open(sealed, context);
      opened.set(place, { text });
      return text;
    },
  };
}

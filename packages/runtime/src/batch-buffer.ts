/** So many need not wait for more. */
const ENOUGH_ITEMS = 32;

/** An item, and who is told what came of it. */
export interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export interface BufferBounds<Item> {
  /** Most items in one flush. */
  itemsMax: number;
  /** Most items waiting; beyond it `add` refuses with BatchFullError. */
  waitingMax: number;
  /** Bounds beside those in items, where items are of any size, such as bytes or rows; a single item may exceed the flush's. An item is weighed as it comes. */
  weight?: { of: (item: Item) => number; inFlushMax: number; waitingMax: number };
}

export interface BatchBuffer<Item, Result> {
  length(): number;
  /** How long its first has waited. */
  waitedMs(): number;
  /** Whether a flush need not wait for more, or would not have room for it. */
  isEnough(): boolean;
  /** @returns whether there was room */
  take(one: Waiting<Item, Result>): boolean;
  /** Takes the next flush off it. */
  board(): Waiting<Item, Result>[];
}

/** Who waits for a flush, within the bounds of items and weight. */
export function createBuffer<Item, Result>({
  itemsMax,
  waitingMax,
  weight,
}: BufferBounds<Item>): BatchBuffer<Item, Result> {
  const waiting: (Waiting<Item, Result> & { weight: number; cameAtMs: number })[] = [];
  let waitingWeight = 0;
  return {
    length: () => waiting.length,
    waitedMs: () => performance.now() - (waiting[0]?.cameAtMs ?? 0),
    isEnough: () =>
      waiting.length >= Math.min(ENOUGH_ITEMS, itemsMax) || waitingWeight >= (weight?.inFlushMax ?? Infinity),
    take(one) {
      const own = weight?.of(one.item) ?? 0;
      const isTooHeavy = waiting.length > 0 && waitingWeight + own > (weight?.waitingMax ?? 0);
      if (waiting.length >= waitingMax || isTooHeavy) return false;
      waitingWeight += own;
      waiting.push({ ...one, weight: own, cameAtMs: performance.now() });
      return true;
    },
    board() {
      let boarded = 0;
      let count = 0;
      for (const { weight: own } of waiting) {
        boarded += own;
        if (count === itemsMax || (count > 0 && boarded > (weight?.inFlushMax ?? 0))) break;
        count += 1;
      }
      const group = waiting.splice(0, count);
      for (const { weight: own } of group) waitingWeight -= own;
      return group;
    },
  };
}

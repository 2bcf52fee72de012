const UNDER_WAY_MAX = 2;

/** The buffer is full: the work was not taken, and trying again in a moment is right. */
export class BatchFullError extends Error {
  override name = "BatchFullError";
}

export interface BatchOptions<Item, Result> {
  /** Does the work of many in one go; results in the order of the items. */
  flush: (items: Item[]) => Promise<Result[]>;
  /** Most items in one flush. */
  itemsMax: number;
  /** Most items waiting; beyond it `add` refuses with BatchFullError. */
  waitingMax: number;
  /** Bounds beside those in items, where items are of any size, such as bytes or rows; a single item may exceed the flush's. An item is weighed as it comes. */
  weight?: { of: (item: Item) => number; inFlushMax: number; waitingMax: number };
  /** Whether one bad item may be the cause, so that halving a batch, which was halved so often before, saves its neighbours. */
  isItemFault: (error: unknown, halvings: number) => boolean;
}

export interface Batch<Item, Result> {
  add: (item: Item) => Promise<Result>;
  /** Resolves when nothing waits and nothing is under way. */
  idle: () => Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  weight: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit: callers that arrive together share one flush. A flush leaves as soon as fewer than two are under way,
 * so an idle system waits for nobody and a busy one fills its batches by itself.
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): Batch<Item, Result> {
  const waiting: Waiting<Item, Result>[] = [];
  const whenIdle: (() => void)[] = [];
  const weightOf = options.weight?.of ?? (() => 0);
  let waitingWeight = 0;
  let underWay = 0;
  let scheduled = false;

  /** Takes the next flush off the line. */
  function board(): Waiting<Item, Result>[] {
    const weightMax = options.weight?.inFlushMax ?? 0;
    let boarded = 0;
    let count = 0;
    for (const { weight } of waiting) {
      boarded += weight;
      if (count === options.itemsMax || (count > 0 && boarded > weightMax)) break;
      count += 1;
    }
    const group = waiting.splice(0, count);
    for (const { weight } of group) waitingWeight -= weight;
    return group;
  }

  function isFull(weight: number): boolean {
    const weightMax = options.weight?.waitingMax ?? 0;
    return waiting.length >= options.waitingMax || (waiting.length > 0 && waitingWeight + weight > weightMax);
  }

  function schedule(): void {
    if (scheduled || underWay >= UNDER_WAY_MAX || waiting.length === 0) return;
    scheduled = true;
    // After this turn's I/O callbacks: every request that was read in it is on board.
    setImmediate(() => {
      scheduled = false;
      void depart(board());
      schedule();
    });
  }

  async function depart(group: Waiting<Item, Result>[]): Promise<void> {
    underWay += 1;
    await settle(group, options);
    underWay -= 1;
    schedule();
    if (underWay === 0 && waiting.length === 0) for (const done of whenIdle.splice(0)) done();
  }

  return {
    add(item) {
      const weight = weightOf(item);
      if (isFull(weight)) return Promise.reject(new BatchFullError("too much is waiting"));
      waitingWeight += weight;
      return new Promise((resolve, reject) => {
        waiting.push({ item, weight, resolve, reject });
        schedule();
      });
    },
    idle() {
      if (underWay === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => {
        whenIdle.push(resolve);
      });
    },
  };
}

async function settle<Item, Result>(
  group: Waiting<Item, Result>[],
  options: BatchOptions<Item, Result>,
  halvings = 0,
): Promise<void> {
  try {
    const results = await options.flush(group.map(({ item }) => item));
    if (results.length !== group.length) {
      throw new Error(`a flush of ${group.length} items answered ${results.length} results`);
    }
    for (const [index, result] of results.entries()) group[index]?.resolve(result);
  } catch (error) {
    if (group.length > 1 && options.isItemFault(error, halvings)) {
      const middle = Math.ceil(group.length / 2);
      await settle(group.slice(0, middle), options, halvings + 1);
      await settle(group.slice(middle), options, halvings + 1);
      return;
    }
    for (const { reject } of group) reject(error);
  }
}

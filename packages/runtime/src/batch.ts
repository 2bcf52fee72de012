const UNDER_WAY_MAX = 2;
/** Flushes of so many items, on the average of late, say that more are about to come, and the next one waits for them. */
const COMPANY_ITEMS_MIN = 3;
/** The part of the last flush in that average. */
const COMPANY_LAST_SHARE = 1 / 8;
/** After so long without a flush nothing is known of what is about to come. */
const COMPANY_LAPSE_MS = 50;
/** Nobody waits longer for company, … */
const WAIT_MS_MAX = 8;
/** … nor after nobody came for so long: callers that wait for each other's flush would all wait for nothing. */
const QUIET_MS = 3;
/** Company enough. */
const ENOUGH_ITEMS = 32;

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
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Group commit: callers that arrive together share one flush. A flush leaves as soon as fewer than two are under way, so an idle system
 * waits for nobody. A busy one waits a few milliseconds for company, so that flushes are shared before there is no processor left for more.
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): Batch<Item, Result> {
  const buffer = createBuffer(options);
  const company = createCompany();
  const whenIdle: (() => void)[] = [];
  let underWay = 0;
  let isLeaving = false;
  let wait: NodeJS.Timeout | undefined;

  function schedule(): void {
    if (isLeaving || underWay >= UNDER_WAY_MAX || buffer.length() === 0) return;
    clearTimeout(wait);
    const waitMs = company.isExpected() && !buffer.isEnough() ? WAIT_MS_MAX - buffer.waitedMs() : 0;
    if (waitMs > 0) wait = setTimeout(leaveSoon, Math.min(waitMs, QUIET_MS));
    else leaveSoon();
  }

  function leaveSoon(): void {
    isLeaving = true;
    // After this turn's I/O callbacks: every request that was read in it is on board.
    setImmediate(() => {
      isLeaving = false;
      void depart(buffer.board());
      schedule();
    });
  }

  async function depart(group: Waiting<Item, Result>[]): Promise<void> {
    company.left(group.length);
    underWay += 1;
    await settle(group, options);
    underWay -= 1;
    schedule();
    if (underWay === 0 && buffer.length() === 0) for (const done of whenIdle.splice(0)) done();
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        if (!buffer.take({ item, resolve, reject })) return reject(new BatchFullError("too much is waiting"));
        schedule();
      }),
    idle() {
      if (underWay === 0 && buffer.length() === 0) return Promise.resolve();
      return new Promise((resolve) => {
        whenIdle.push(resolve);
      });
    },
  };
}

/** Who waits for a flush, within the bounds of items and weight. */
function createBuffer<Item, Result>({ itemsMax, waitingMax, weight }: BatchOptions<Item, Result>) {
  const waiting: (Waiting<Item, Result> & { weight: number; cameAtMs: number })[] = [];
  let waitingWeight = 0;
  return {
    length: () => waiting.length,
    /** How long its first has waited. */
    waitedMs: () => performance.now() - (waiting[0]?.cameAtMs ?? 0),
    /** Whether a flush need not wait for more, or would not have room for it. */
    isEnough: () =>
      waiting.length >= Math.min(ENOUGH_ITEMS, itemsMax) || waitingWeight >= (weight?.inFlushMax ?? Infinity),
    /** @returns whether there was room */
    take(one: Waiting<Item, Result>): boolean {
      const own = weight?.of(one.item) ?? 0;
      const isTooHeavy = waiting.length > 0 && waitingWeight + own > (weight?.waitingMax ?? 0);
      if (waiting.length >= waitingMax || isTooHeavy) return false;
      waitingWeight += own;
      waiting.push({ ...one, weight: own, cameAtMs: performance.now() });
      return true;
    },
    /** Takes the next flush off it. */
    board(): Waiting<Item, Result>[] {
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

/** What the flushes of late say of those that are about to come. */
function createCompany() {
  let usualItems = 0;
  let leftAtMs = Number.NEGATIVE_INFINITY;
  const hasLapsed = (): boolean => performance.now() - leftAtMs >= COMPANY_LAPSE_MS;
  return {
    isExpected: (): boolean => usualItems >= COMPANY_ITEMS_MIN && !hasLapsed(),
    left(items: number): void {
      if (hasLapsed()) usualItems = 0;
      usualItems += (items - usualItems) * COMPANY_LAST_SHARE;
      leftAtMs = performance.now();
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

import { type BufferBounds, createBuffer, type Waiting } from "./batch-buffer.js";
import { createCompany } from "./batch-company.js";

const UNDER_WAY_MAX = 2;
/** Nobody waits longer for company. */
const WAIT_MS_MAX = 8;
/** Nobody waits on when nobody came for so long: callers that wait for each other's flush would all wait for nothing. */
const QUIET_MS = 3;

/** The buffer is full: the work was not taken, and trying again in a moment is right. */
export class BatchFullError extends Error {
  override name = "BatchFullError";
}

export interface BatchOptions<Item, Result> extends BufferBounds<Item> {
  /** Does the work of many in one go; results in the order of the items. */
  flush: (items: Item[]) => Promise<Result[]>;
  /** Whether one bad item may be the cause, so that halving a batch, which was halved so often before, saves its neighbours. */
  isItemFault: (error: unknown, halvings: number) => boolean;
}

export interface Batch<Item, Result> {
  add: (item: Item) => Promise<Result>;
  /** Resolves when nothing waits and nothing is under way. */
  idle: () => Promise<void>;
}

/**
 * Group commit: callers that arrive together share one flush. A flush leaves as soon as fewer than two are under way, so an idle system
 * waits for nobody. A busy one waits a few milliseconds for company, so that flushes are shared before there is no processor left for more.
 */
export function createBatch<Item, Result>(options: BatchOptions<Item, Result>): Batch<Item, Result> {
  const buffer = createBuffer<Item, Result>(options);
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
    company.noteFlush(group.length);
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

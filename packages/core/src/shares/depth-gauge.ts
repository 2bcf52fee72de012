const POLL_PAUSE_MS = 250;
/** An older count says nothing any more: the queue counts as empty until the next one is there. */
const COUNT_AGE_MS_MAX = 1_000;

/** Hints in the queue. */
export interface QueueDepth {
  /** For a worker. */
  waiting: number;
  /** For their time. */
  delayed: number;
}

/** What a process knows of the queue's depth. */
export interface DepthGauge {
  /** The last count, with what this process handed over since; never waits. Who reads also causes the next count. */
  read(): QueueDepth;
  /** Counts hints that this process hands over. */
  add(added: QueueDepth): void;
}

/** Counts no oftener than every 250 ms, and only while somebody reads: an idle system is not asked. */
export function createDepthGauge(options: { depth: () => Promise<QueueDepth>; nowMs: () => number }): DepthGauge {
  const { depth, nowMs } = options;
  let counted: QueueDepth = { waiting: 0, delayed: 0 };
  let added: QueueDepth = { waiting: 0, delayed: 0 };
  let countedAtMs = -Infinity;
  let askedAtMs = -Infinity;
  let isAsking = false;

  async function count(): Promise<void> {
    isAsking = true;
    askedAtMs = nowMs();
    const before = added;
    try {
      counted = await depth();
      countedAtMs = nowMs();
      added = { waiting: added.waiting - before.waiting, delayed: added.delayed - before.delayed };
    } catch {
      // A queue that is away cannot be full: whoever hands over finds out.
    } finally {
      isAsking = false;
    }
  }

  return {
    read() {
      if (!isAsking && nowMs() - askedAtMs >= POLL_PAUSE_MS) void count();
      if (nowMs() - countedAtMs > COUNT_AGE_MS_MAX) return added;
      return { waiting: counted.waiting + added.waiting, delayed: counted.delayed + added.delayed };
    },
    add({ waiting, delayed }) {
      added = { waiting: added.waiting + waiting, delayed: added.delayed + delayed };
    },
  };
}

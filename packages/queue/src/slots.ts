/** What one process does at once. */
export interface Slots {
  /** Does the work as soon as a slot is free; first come, first served. @param work may give its slot back before it has ended */
  run<Result>(work: (giveBack: () => void) => Promise<Result>): Promise<Result>;
  /** How many are free, and nobody waits for. */
  free(): number;
  /** Resolves when one is free. */
  whenFree(): Promise<void>;
}

/** @param count of the slots */
export function createSlots(count: number): Slots {
  const waiting: (() => void)[] = [];
  let watching: (() => void)[] = [];
  let free = count;

  function giveBack(): void {
    const next = waiting.shift();
    if (next !== undefined) return next();
    free += 1;
    const watchers = watching;
    watching = [];
    for (const tell of watchers) tell();
  }

  async function whenFree(): Promise<void> {
    if (free > 0) return undefined;
    await new Promise<void>((resolve) => watching.push(resolve));
    return whenFree();
  }

  return {
    async run(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      const giveBackOnce = once(giveBack);
      try {
        return await work(giveBackOnce);
      } finally {
        giveBackOnce();
      }
    },
    free: () => free,
    whenFree,
  };
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}

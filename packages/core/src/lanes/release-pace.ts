/** Between two pulls for a release: in a process that has nothing else to do, and in one that is busy. */
const PAUSE_MS = { min: 100, max: 300 };
const WINDOW_MS = 1_000;

/** How long a release waits before its next pull, in a process whose event loop is busy for this part of its time (0 to 1). */
export function releasePauseMs(utilization: number): number {
  // What is released adds to the queue that new events meet: the fuller that is, the steeper.
  const room = Math.max(0, 1 - utilization) ** 3;
  return Math.min(PAUSE_MS.max, PAUSE_MS.min / room);
}

/**
 * How busy this process' event loop was in the last whole window of a second or two; as busy as can be after a longer time in which nobody
 * asked.
 */
export function createUtilizationGauge({ nowMs }: { nowMs: () => number }): () => number {
  let since = performance.eventLoopUtilization();
  let sinceMs = nowMs();
  let utilization = 1;
  return () => {
    const elapsedMs = nowMs() - sinceMs;
    if (elapsedMs < WINDOW_MS) return utilization;
    const now = performance.eventLoopUtilization();
    utilization = elapsedMs > 2 * WINDOW_MS ? 1 : performance.eventLoopUtilization(now, since).utilization;
    since = now;
    sinceMs = nowMs();
    return utilization;
  };
}

import { HINT_PATIENCE_MS } from "../deliveries/hint.js";

/**
 * What one worker process pulled from lines and has not seen come back. Whoever runs a hint counts it off where it is run: over all
 * processes the sum is right, and a bound on each bounds it.
 */
export interface Outstanding {
  of(webhookId: string): number;
  /** So many were pulled. */
  add(webhookId: string, count: number): void;
  /** One came back, whoever had pulled it. */
  takeOff(webhookId: string): void;
  /** The webhook has no line any more. */
  forget(webhookId: string): void;
}

/** One that does not come back within a hint's patience is lost: another worker had it when it died, or nothing was to be done. */
export function createOutstanding(nowMs: () => number): Outstanding {
  // When each was pulled, oldest first.
  const pulledAtMs = new Map<string, number[]>();

  function recent(webhookId: string): number[] {
    const sinceMs = nowMs() - HINT_PATIENCE_MS;
    return (pulledAtMs.get(webhookId) ?? []).filter((atMs) => atMs > sinceMs);
  }

  return {
    of: (webhookId) => recent(webhookId).length,
    add(webhookId, count) {
      const atMs = nowMs();
      pulledAtMs.set(webhookId, [...recent(webhookId), ...Array.from({ length: count }, () => atMs)]);
    },
    takeOff(webhookId) {
      const rest = recent(webhookId).slice(1);
      if (rest.length > 0) pulledAtMs.set(webhookId, rest);
      else pulledAtMs.delete(webhookId);
    },
    forget: (webhookId) => pulledAtMs.delete(webhookId),
  };
}

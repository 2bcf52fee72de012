/** The failures that open a circuit: so large a share of so many attempts within a minute. */
const FAILED_SHARE_MIN = 0.7;
const ATTEMPTS_MIN = 20;
const WINDOW_MS = 60_000;
const BUCKETS = 6;
const BUCKET_MS = WINDOW_MS / BUCKETS;
const WEBHOOKS_MAX = 10_000;

interface Bucket {
  /** Its place in time, in units of its length. */
  index: number;
  attempts: number;
  failed: number;
}

/** Counts, in one worker process, how attempts to each webhook ended. */
export interface FailureRates {
  /** @returns whether so many have failed within the last minute that the webhook should be left alone */
  count(webhookId: string, end: { isFailure: boolean; nowMs: number }): boolean;
  /** Starts again from nothing. */
  forget(webhookId: string): void;
}

export function createFailureRates(): FailureRates {
  const rates = new Map<string, Bucket[]>();

  function bucketsOf(webhookId: string, index: number): Bucket[] {
    const buckets = (rates.get(webhookId) ?? []).filter((bucket) => bucket.index > index - BUCKETS);
    if (buckets.at(-1)?.index !== index) buckets.push({ index, attempts: 0, failed: 0 });
    // The one used longest ago comes first, and is forgotten first.
    rates.delete(webhookId);
    rates.set(webhookId, buckets);
    return buckets;
  }

  function forgetOldest(): void {
    for (const webhookId of rates.keys()) {
      if (rates.size <= WEBHOOKS_MAX) return;
      rates.delete(webhookId);
    }
  }

  return {
    count(webhookId, { isFailure, nowMs }) {
      // A webhook that does not fail costs nothing.
      if (!isFailure && !rates.has(webhookId)) return false;
      const buckets = bucketsOf(webhookId, Math.floor(nowMs / BUCKET_MS));
      const current = buckets.at(-1);
      if (current !== undefined) {
        current.attempts += 1;
        current.failed += isFailure ? 1 : 0;
      }
      forgetOldest();
      const attempts = sum(buckets.map((bucket) => bucket.attempts));
      const failed = sum(buckets.map((bucket) => bucket.failed));
      return isFailure && attempts >= ATTEMPTS_MIN && failed >= attempts * FAILED_SHARE_MIN;
    },
    forget: (webhookId) => rates.delete(webhookId),
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

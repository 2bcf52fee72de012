import { DelayedError, type Job } from "bullmq";
import { type DeliveryHint, type DeliveryJob, parseDeliveryJob } from "./delivery-job.js";
import type { Slots } from "./slots.js";

const POSTPONE_MS_MIN = 1;

/**
 * What a hint came to: an outcome, kept in its job's return value (a receiver's 500 is one, too), or a wish to be run again
 * later, which is no failure.
 */
export type HintOutcome = KeptOutcome | { tooEarlyByMs: number };

type KeptOutcome = { outcome: string; responseStatus?: number | null; durationMs?: number };

/** Runs one hint. @param giveBackSlot lets another one run in its place, though it has not ended */
export type ProcessHint = (hint: DeliveryHint, giveBackSlot: () => void) => Promise<HintOutcome>;

/** How many slots a job takes; at least one, whatever it holds. */
export function slotsOf({ data }: Job<unknown>): number {
  const hints = typeof data === "object" && data !== null && "hints" in data ? data.hints : null;
  return Array.isArray(hints) ? Math.max(1, hints.length) : 1;
}

/**
 * Runs the hints of a job, each as soon as it has a slot. The job's return value is the outcome of its hint, or a list of them in the
 * order of the hints; those that came too early are run again, alone; when one throws, the job fails once all have ended.
 */
export function createProcessor(
  process: ProcessHint,
  slots: Slots,
): (job: Job<unknown>, token?: string) => Promise<KeptOutcome | KeptOutcome[]> {
  return async (job, token) => {
    const { hints } = parseDeliveryJob(job.data);
    const ends = await Promise.allSettled(hints.map((hint) => slots.run((giveBack) => process(hint, giveBack))));
    const outcomes = valuesOf(ends, hints);
    const early = outcomes.flatMap((outcome) => ("tooEarlyByMs" in outcome ? outcome.tooEarlyByMs : []));
    if (early.length > 0) {
      const rest = hints.filter((_, index) => "tooEarlyByMs" in (outcomes[index] ?? {}));
      return postpone(job, { rest, isPart: rest.length < hints.length, byMs: Math.min(...early), token });
    }
    const kept = outcomes.flatMap((outcome) => ("tooEarlyByMs" in outcome ? [] : outcome));
    return kept.length === 1 && kept[0] ? kept[0] : kept;
  };
}

/** @throws why it failed, of several with the delivery of each */
function valuesOf<Value>(ends: readonly PromiseSettledResult<Value>[], hints: readonly DeliveryHint[]): Value[] {
  const [only] = ends;
  if (ends.length === 1 && only?.status === "rejected") throw only.reason;
  const failures = ends.flatMap((end, index) =>
    end.status === "rejected"
      ? new Error(`delivery ${hints[index]?.deliveryId}: ${messageOf(end.reason)}`, { cause: end.reason })
      : [],
  );
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
  return ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

/** Has the job run again for those of its hints that came too early. */
async function postpone(
  job: Job<unknown>,
  { rest, isPart, byMs, token }: { rest: DeliveryHint[]; isPart: boolean; byMs: number; token: string | undefined },
): Promise<never> {
  if (isPart) await job.updateData({ hints: rest } satisfies DeliveryJob);
  await job.moveToDelayed(Date.now() + Math.max(POSTPONE_MS_MIN, Math.ceil(byMs)), token);
  throw new DelayedError();
}

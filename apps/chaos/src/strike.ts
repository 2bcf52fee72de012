import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import type { Fault } from "./faults.js";
import type { Installation } from "./installation.js";
import type { Step } from "./plan.js";
import { findWaiting, untilThrough, type Waiting } from "./recovery.js";

/** A fault that happened, and what it cost to get over it. */
export interface StruckFault {
  name: string;
  /** `Date.now()` when the harm began. */
  beganMs: number;
  /** When it was done: the process gone, the store empty. */
  struckMs: number;
  /**
   * From the harm, or from the mend where nothing can work without what was away, until every delivery that was in flight or due at the
   * harm or the mend and goes to a receiver that is never ill, and where a worker was killed all that was in flight, is finished or has
   * another attempt recorded. What goes to an ill receiver waits for the receiver, not for the fault. null: not within the limit.
   */
  recoveryMs: number | null;
  /** Deliveries in flight just after the harm, or just before it where the database went away. */
  inFlight: Waiting[];
  /**
   * Which deliveries may have been answered and yet be sent again: none, those that were claimed at the harm, or, where the database could not
   * be asked, those whose requests the receivers had then.
   */
  mayRepeat: "nothing" | "claimed" | "received";
  /** Whether what was in flight at the harm lost its worker. */
  isWorkerKill: boolean;
}

export interface StrikeOptions {
  installation: Installation;
  pool: Pool;
  recoveryMsMax: number;
  /** Of webhooks whose receivers are never ill. */
  wellWebhookIds: ReadonlySet<string>;
  signal: AbortSignal;
}

/** Lets one fault happen, mends it, and waits for the recovery. */
export async function strike(step: Step<Fault>, options: StrikeOptions): Promise<StruckFault> {
  const { installation, pool, recoveryMsMax, wellWebhookIds, signal } = options;
  const { fault, awayMs } = step;
  const isFromHarm = fault.recoversFrom === "harm";
  const isWorkerKill = fault.mayRepeat === "in flight" && isFromHarm;
  const counts = ({ webhookId, isInFlight }: Waiting): boolean =>
    wellWebhookIds.has(webhookId) || (isWorkerKill && isInFlight);
  const watch = (waiting: Waiting[]) => untilThrough(pool, waiting.filter(counts), { msMax: recoveryMsMax, signal });

  const mend = async (): Promise<number> => {
    await sleep(awayMs, undefined, { signal });
    await fault.mend(installation, step);
    return Date.now();
  };

  const before = await findWaiting(pool);
  const beganMs = Date.now();
  await fault.harm(installation, step);
  const struckMs = Date.now();
  const after = isFromHarm ? await findWaiting(pool) : [];
  const [mendedMs, throughHarmMs] = await Promise.all([mend(), isFromHarm ? watch([...before, ...after]) : null]);
  const throughMs = isFromHarm ? throughHarmMs : await watch([...before, ...(await findWaiting(pool))]);
  const inFlight = (isFromHarm ? after : before).filter(({ isInFlight }) => isInFlight);
  return {
    name: fault.name,
    beganMs,
    struckMs,
    recoveryMs: throughMs === null ? null : Math.max(0, throughMs - (isFromHarm ? struckMs : mendedMs)),
    inFlight,
    mayRepeat: fault.mayRepeat === "nothing" ? "nothing" : isWorkerKill ? "claimed" : "received",
    isWorkerKill,
  };
}

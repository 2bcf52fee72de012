import type { Backend, ChaosConfig } from "./config.js";

/** The measures of a run: how much, how long, how patient. */
export interface Form {
  /** Takes the faults that are marked so. */
  isQuick: boolean;
  /** What two cores carry beside the faults: a queue in Postgres costs them far more than one in Redis. */
  eventsPerSecond: Record<Backend, number>;
  /** Ordinary work between a recovery and the next fault; a moment within is drawn. */
  pauseMs: { min: number; max: number };
  /** How long something that was killed stays away. */
  killedMs: { min: number; max: number };
  /** How long something that was stopped stays away. */
  stoppedMs: { redis: number; postgres: number };
  /** A recovery that takes longer is given up and shown as such. */
  recoveryMsMax: number;
  /** What is unfinished so long after the last fault is stuck. */
  drainMsMax: number;
  /** The longest wait between two attempts. */
  retrySecondsMax: number;
  /** Of a whole run on both backends; one that takes longer has failed. A quick one takes less than 3 minutes on an idle machine. */
  runMsMax: number;
}

const MINUTE_MS = 60_000;

const FORMS = {
  quick: {
    isQuick: true,
    eventsPerSecond: { redis: 40, postgres: 40 },
    pauseMs: { min: 100, max: 600 },
    killedMs: { min: 100, max: 600 },
    stoppedMs: { redis: 6_000, postgres: 3_500 },
    recoveryMsMax: 30_000,
    drainMsMax: 40_000,
    retrySecondsMax: 3,
    runMsMax: 5 * MINUTE_MS,
  },
  long: {
    isQuick: false,
    eventsPerSecond: { redis: 60, postgres: 20 },
    pauseMs: { min: 1_000, max: 6_000 },
    killedMs: { min: 200, max: 4_000 },
    stoppedMs: { redis: 30_000, postgres: 10_000 },
    recoveryMsMax: 90_000,
    drainMsMax: 5 * MINUTE_MS,
    retrySecondsMax: 8,
    runMsMax: 20 * MINUTE_MS,
  },
} as const satisfies Record<ChaosConfig["form"], Form>;

/** The measures of this run; a long one may take as long as its events need. */
export function formOf({ form, eventsMin, backends }: ChaosConfig): Form {
  const measures: Form = FORMS[form];
  if (form === "quick") return measures;
  const runMs = backends.map((backend) => {
    const publishingMs = (eventsMin / measures.eventsPerSecond[backend]) * 1_000;
    return measures.runMsMax + 3 * publishingMs;
  });
  return { ...measures, runMsMax: runMs.reduce((sum, ms) => sum + ms, 0) };
}

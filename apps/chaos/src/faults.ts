import type { Backend } from "./config.js";
import type { Installation } from "./installation.js";
import type { Plannable, Step } from "./plan.js";

/**
 * Something that goes wrong, and how it is mended. The story is the same for all: harm, stay away for a while, mend.
 */
export interface Fault extends Plannable {
  /** Whether its recovery is counted from the harm, since the rest of the installation should cope by itself, or from the mend. */
  recoversFrom: "harm" | "mend";
  /** Whose requests may be repeated though they were answered: those in flight at the harm, or none. */
  mayRepeat: "nothing" | "in flight";
  harm(installation: Installation, step: Step<Fault>): Promise<void> | void;
  mend(installation: Installation, step: Step<Fault>): Promise<void> | void;
}

const BOTH: readonly Backend[] = ["redis", "postgres"];
const REDIS: readonly Backend[] = ["redis"];
const NEVER: readonly Backend[] = [];

const OF_PROCESSES: readonly Fault[] = [
  {
    name: "API kill -9",
    backends: BOTH,
    quick: BOTH,
    away: "killed",
    recoversFrom: "harm",
    mayRepeat: "nothing",
    harm: ({ apis }, { victim }) => apis[victim].end("SIGKILL"),
    mend: ({ apis }, { victim }) => apis[victim].start(),
  },
  {
    name: "worker kill -9",
    backends: BOTH,
    quick: BOTH,
    away: "killed",
    recoversFrom: "harm",
    mayRepeat: "in flight",
    harm: ({ workers }, { victim }) => workers[victim].end("SIGKILL"),
    mend: ({ workers }, { victim }) => workers[victim].start(),
  },
  {
    name: "worker SIGTERM",
    backends: BOTH,
    quick: BOTH,
    away: "killed",
    recoversFrom: "harm",
    mayRepeat: "nothing",
    harm: ({ workers }, { victim }) => workers[victim].end("SIGTERM"),
    mend: ({ workers }, { victim }) => workers[victim].start(),
  },
  {
    // Until it is started the next time.
    name: "worker clock 5 min off",
    backends: BOTH,
    quick: BOTH,
    away: "moment",
    recoversFrom: "mend",
    mayRepeat: "nothing",
    harm: ({ workers }, { victim }) => workers[victim].end("SIGTERM"),
    mend: ({ workers }, { victim, clockShiftMs }) => workers[victim].start(shiftedClock(clockShiftMs)),
  },
];

const OF_REDIS: readonly Fault[] = [
  {
    name: "Redis FLUSHALL",
    backends: REDIS,
    quick: REDIS,
    away: "moment",
    recoversFrom: "harm",
    mayRepeat: "nothing",
    harm: ({ redis }) => redis?.flush(),
    mend: () => undefined,
  },
  {
    name: "Redis kill -9",
    backends: REDIS,
    quick: REDIS,
    away: "killed",
    recoversFrom: "mend",
    mayRepeat: "nothing",
    harm: ({ redis }) => redis?.kill(),
    mend: ({ redis }) => redis?.start(),
  },
  {
    name: "Redis stop, back empty",
    backends: REDIS,
    quick: REDIS,
    away: "redis",
    recoversFrom: "mend",
    mayRepeat: "nothing",
    harm: ({ redis }) => redis?.stop(),
    mend: ({ redis }) => redis?.start(),
  },
  {
    name: "Redis frozen",
    backends: REDIS,
    quick: NEVER,
    away: "redis",
    recoversFrom: "mend",
    mayRepeat: "nothing",
    harm: ({ redis }) => redis?.freeze(),
    mend: ({ redis }) => redis?.thaw(),
  },
];

const OF_POSTGRES: readonly Fault[] = [
  {
    name: "Postgres restart",
    backends: BOTH,
    quick: NEVER,
    away: "moment",
    recoversFrom: "mend",
    mayRepeat: "in flight",
    harm: ({ postgres }) => postgres.stop(),
    mend: ({ postgres }) => postgres.start(),
  },
  {
    name: "Postgres stop",
    backends: BOTH,
    quick: BOTH,
    away: "postgres",
    recoversFrom: "mend",
    mayRepeat: "in flight",
    harm: ({ postgres }) => postgres.stop(),
    mend: ({ postgres }) => postgres.start(),
  },
  {
    name: "Postgres kill -9",
    backends: BOTH,
    quick: REDIS,
    away: "moment",
    recoversFrom: "mend",
    mayRepeat: "in flight",
    harm: ({ postgres }) => postgres.kill(),
    mend: ({ postgres }) => postgres.start(),
  },
];

export const FAULTS: readonly Fault[] = [...OF_PROCESSES, ...OF_REDIS, ...OF_POSTGRES];

function shiftedClock(shiftMs: number): NodeJS.ProcessEnv {
  const module = new URL(`./shift-clock.js?ms=${shiftMs}`, import.meta.url);
  return { NODE_OPTIONS: `--import=${module.href}` };
}

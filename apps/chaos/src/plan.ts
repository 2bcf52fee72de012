import type { Backend } from "./config.js";
import type { Form } from "./form.js";
import { LANES } from "./lanes.js";
import type { Random } from "./random.js";

/** Which of the two processes of a kind. */
export type Place = 0 | 1;

/** What a plan needs to know of a fault. */
export interface Plannable {
  name: string;
  backends: readonly Backend[];
  /** Those of them on which a quick round has it, too. */
  quick: readonly Backend[];
  away: "killed" | "redis" | "postgres" | "moment";
}

/** One fault of a round, with all that was drawn for it. */
export interface Step<Fault extends Plannable> {
  fault: Fault;
  /** Ordinary work before it. */
  pauseMs: number;
  victim: Place;
  /** How long what it strikes stays away. */
  awayMs: number;
  clockShiftMs: number;
  /** Receivers that fall ill, or get well, before it. */
  ill: string[];
  well: string[];
}

/** Of a round: by then all are well that heal, so that what waits for them in pauses that grow with their illness ends with the round. */
const WELL_AFTER_PART = 0.6;
const CLOCK_SHIFT_MS = 5 * 60_000;

/**
 * A round: every fault of this backend and form once, in drawn order at drawn moments; every lane that can be ill is so for a drawn part of it.
 * The same stream of chances makes the same round.
 */
export function planRound<Fault extends Plannable>(
  random: Random,
  options: { faults: readonly Fault[]; backend: Backend; form: Form },
): Step<Fault>[] {
  const { faults, backend, form } = options;
  const steps = random
    .shuffle(faults.filter(({ backends, quick }) => (form.isQuick ? quick : backends).includes(backend)))
    .map((fault): Step<Fault> => ({
      fault,
      pauseMs: random.between(form.pauseMs.min, form.pauseMs.max),
      victim: random.pick([0, 1]),
      awayMs: awayMs(fault, random, form),
      clockShiftMs: random.pick([-CLOCK_SHIFT_MS, CLOCK_SHIFT_MS]),
      ill: [],
      well: [],
    }));
  for (const { name, illness, heals } of LANES) {
    if (illness === null || !heals) continue;
    const wellFrom = Math.ceil(steps.length * WELL_AFTER_PART);
    const from = random.between(0, wellFrom - 1);
    const until = random.between(from + 1, wellFrom);
    steps[from]?.ill.push(name);
    steps[until]?.well.push(name);
  }
  return steps;
}

function awayMs({ away }: Plannable, random: Random, { killedMs, stoppedMs }: Form): number {
  switch (away) {
    case "killed":
      return random.between(killedMs.min, killedMs.max);
    case "redis":
      return stoppedMs.redis;
    case "postgres":
      return stoppedMs.postgres;
    case "moment":
      return 0;
    default:
      return away satisfies never;
  }
}

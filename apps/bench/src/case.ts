import type { Backend } from "./config.js";
import type { Goal } from "./goal.js";
import type { Latency } from "./latency.js";

/** How large and how long a case is. */
export interface CaseOptions {
  backend: Backend;
  isQuick: boolean;
  /** Ends the case before its time. */
  signal: AbortSignal;
}

/** One line of the report: what somebody got without and with the harm, in one run. */
export interface Comparison {
  measure: string;
  base: Latency;
  with: Latency;
  /** Of both p99. */
  ratio: number;
  /** null: shown, not judged. */
  target: { ratioMax: number } | { ratioMin: number } | null;
}

export interface CaseResult {
  comparisons: Comparison[];
  /** What is expected of other figures. */
  goals: Goal[];
  /** Other figures, by what they are. */
  figures: Record<string, number>;
  /** Anything lost, stuck or out of order. */
  findings: string[];
}

/** One thing to measure. */
export interface Case {
  /** What `--only` calls it. */
  name: string;
  title: string;
  /** Only in the long form, or where it is named. */
  isLong?: boolean;
  run(options: CaseOptions): Promise<CaseResult>;
}

export function compare(
  measure: string,
  { base, with: harmed, target }: Pick<Comparison, "base" | "with" | "target">,
): Comparison {
  return { measure, base, with: harmed, ratio: harmed.p99Ms / base.p99Ms, target };
}

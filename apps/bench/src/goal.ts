/** A figure that something is expected of. */
export interface Goal {
  what: string;
  value: number;
  /** Empty: a ratio. */
  unit: string;
  /** What it must be at least, or at most where less is better, and what would be better still. */
  need: number;
  reach: number;
  isLessBetter: boolean;
}

export type GoalVerdict = "reached" | "met" | "MISSED";

/** The higher the better. */
export function atLeast(what: string, value: number, { need, reach, unit = "" }: Bounds): Goal {
  return { what, value, unit, need, reach, isLessBetter: false };
}

/** The lower the better. */
export function atMost(what: string, value: number, { need, reach, unit = "" }: Bounds): Goal {
  return { what, value, unit, need, reach, isLessBetter: true };
}

interface Bounds {
  need: number;
  reach: number;
  unit?: string;
}

export function verdictOn({ value, need, reach, isLessBetter }: Goal): GoalVerdict {
  // Of nothing measured nothing is kept.
  if (!Number.isFinite(value)) return "MISSED";
  const keeps = (bound: number): boolean => (isLessBetter ? value <= bound : value >= bound);
  if (keeps(reach)) return "reached";
  return keeps(need) ? "met" : "MISSED";
}

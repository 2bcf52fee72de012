import type { Arrival } from "./arrival.js";

/** How far events came from their order. */
export interface Disorder {
  /** Events that came after one with a higher number. */
  late: number;
  /** Of these, how many with higher numbers came before, at most. */
  overtakenMax: number;
}

/** How the first arrivals of events stand to their numbers. */
export function disorderOf(numbers: readonly number[]): Disorder {
  const seen: number[] = [];
  let late = 0;
  let overtakenMax = 0;
  for (const number of numbers) {
    let place = seen.length;
    while (place > 0 && (seen[place - 1] ?? 0) > number) place -= 1;
    const overtaken = seen.length - place;
    seen.splice(place, 0, number);
    if (overtaken > 0) late += 1;
    overtakenMax = Math.max(overtakenMax, overtaken);
  }
  return { late, overtakenMax };
}

/** Requests of a webhook with strict order that came while one before had not succeeded. @param arrivals in the order of their coming */
export function countOutOfOrder(arrivals: readonly Pick<Arrival, "number" | "status">[]): number {
  let next = 1;
  let count = 0;
  for (const { number, status } of arrivals) {
    // A repeat of what succeeded is a duplicate, and no other event.
    if (number > next) count += 1;
    if (number === next && status === 200) next += 1;
  }
  return count;
}

import { createHash } from "node:crypto";
import { unsafeUniformIntDistribution, xoroshiro128plus } from "pure-rand";

/** A stream of chances that a seed and a name decide. */
export interface Random {
  /** A whole number, both ends included. */
  between(min: number, max: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
  shuffle<T>(items: readonly T[]): T[];
}

/** @param name streams of different names do not disturb each other's order */
export function createRandom(seed: number, name: string): Random {
  const generator = xoroshiro128plus(createHash("sha256").update(`${seed} ${name}`).digest().readInt32LE());
  const between = (min: number, max: number): number => unsafeUniformIntDistribution(min, max, generator);
  return {
    between,
    pick: (items) => items[between(0, items.length - 1)] ?? items[0],
    shuffle: (items) =>
      items
        .map((item) => ({ item, place: between(0, 2 ** 30) }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ item }) => item),
  };
}

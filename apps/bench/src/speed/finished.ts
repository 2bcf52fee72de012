import type { Case, CaseOptions, CaseResult } from "../case.js";
import { atLeast } from "../goal.js";
import { measure } from "../measure.js";
import { findLost, findRepeated } from "./accounting.js";
import { fill } from "./history.js";
import { AT_SPEED, createSpeedWorld, saturate, USUAL } from "./world.js";

const FINISHED = { quick: 200_000, long: 5_000_000 };

/** The same load with and without a history. */
export const FINISHED_CASE: Case = {
  name: "finished",
  title: "with millions of finished deliveries",
  isLong: true,
  run: runFinished,
};

function runFinished({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const durationMs = isQuick ? 5_000 : 20_000;
  const deliveries = isQuick ? FINISHED.quick : FINISHED.long;
  return measure({ backend, signal, ...AT_SPEED, workers: 1 }, async (bench) => {
    const world = await createSpeedWorld(bench, USUAL);
    const warmUp = await saturate(bench, world, { name: "warm-up", durationMs });
    const empty = await saturate(bench, world, { name: "empty", durationMs });
    await fill(bench, { deliveries, state: "succeeded" });
    const warmUpAgain = await saturate(bench, world, { name: "warm-up again", durationMs });
    const full = await saturate(bench, world, { name: "full", durationMs });
    const eventIds = [warmUp, empty, warmUpAgain, full].flatMap(({ published }) => published.eventIds);
    await findLost(bench, { eventIds, fanOut: USUAL.fanOut });
    findRepeated(bench, world.sink);
    return {
      comparisons: [],
      goals: [
        atLeast(`with ${deliveries.toLocaleString("en")} finished v. empty`, full.perSecond / empty.perSecond, {
          need: 0.9,
          reach: 0.97,
        }),
      ],
      figures: { "empty/s": empty.perSecond, "full/s": full.perSecond },
    };
  });
}

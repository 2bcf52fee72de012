import type { Case, CaseOptions, CaseResult } from "../case.js";
import { atLeast } from "../goal.js";
import { measure } from "../measure.js";
import { account } from "./accounting.js";
import { createSpeedWorld, USUAL } from "./world.js";

/** So few that the slots of one worker are its limit, and not the machine. */
const CONCURRENCY = 5;
const ANSWER_MS = 50;
const WEBHOOKS = 20;
const WORKERS_MAX = { quick: 2, long: 4 };

/** One, two and, in the long form, four workers against receivers that take 50 ms. */
export const WORKERS_CASE: Case = { name: "workers", title: "1, 2 and 4 workers, 50 ms receivers", run: runWorkers };

function runWorkers({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const seconds = isQuick ? 4 : 20;
  const workersMax = isQuick ? WORKERS_MAX.quick : WORKERS_MAX.long;
  const perWorker = (CONCURRENCY * 1_000) / ANSWER_MS;
  return measure({ backend, signal, isIsolating: true, workers: 0, concurrency: CONCURRENCY }, async (bench) => {
    const world = await createSpeedWorld(bench, { ...USUAL, webhooks: WEBHOOKS, answerMs: ANSWER_MS });
    const rates = new Map<number, number>();
    const eventIds: string[] = [];
    const deliver = async (events: number): Promise<number> => {
      const draining = world.drain(events);
      eventIds.push(...(await world.publishBatches(events)));
      return (await draining).perSecond;
    };
    for (let workers = 1; workers <= workersMax; workers++) {
      await bench.installation.startWorker();
      // Each worker gets to know the webhooks.
      await deliver(WEBHOOKS * 2);
      if (workers === 3) continue;
      rates.set(workers, await deliver(perWorker * workers * seconds));
    }
    await account(bench, world.sink, { eventIds, fanOut: 1 });
    const rate = (workers: number): number => rates.get(workers) ?? Number.NaN;
    return {
      comparisons: [],
      goals: [atLeast("two workers v. one", rate(2) / rate(1), { need: 1.8, reach: 1.95 })],
      figures: {
        "one/s": rate(1),
        "two/s": rate(2),
        ...(!isQuick && { "four/s": rate(4) }),
        "slots' limit of one/s": perWorker,
      },
    };
  });
}

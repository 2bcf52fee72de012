import type { Case, CaseOptions, CaseResult } from "../case.js";
import { type Bench, measure } from "../measure.js";
import { account } from "./accounting.js";
import { fill } from "./history.js";
import { AT_SPEED, createSpeedWorld, USUAL } from "./world.js";

const FAILED = { quick: 5_000, long: 100_000 };
const NUMBERS_PER_REQUEST = 500;

/** Somebody retries everything that has failed, by the contract that takes 500 at a time. */
export const RETRIES_CASE: Case = { name: "retries", title: "a storm of retries", isLong: true, run: runRetries };

function runRetries({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const failed = isQuick ? FAILED.quick : FAILED.long;
  return measure({ backend, signal, ...AT_SPEED, workers: 1 }, async (bench) => {
    const world = await createSpeedWorld(bench, USUAL);
    await fill(bench, { deliveries: failed, state: "failed" });
    const numbers = await failedNumbers(bench);
    const draining = world.drain(numbers.length);
    const startedAtMs = performance.now();
    for (let start = 0; start < numbers.length; start += NUMBERS_PER_REQUEST) {
      await retry(bench, numbers.slice(start, start + NUMBERS_PER_REQUEST));
    }
    const retriedMs = performance.now() - startedAtMs;
    const { perSecond } = await draining;
    await account(bench, world.sink);
    return {
      comparisons: [],
      goals: [],
      figures: {
        retried: numbers.length,
        "accepted/s": (numbers.length * 1_000) / retriedMs,
        "delivered/s": perSecond,
      },
    };
  });
}

async function failedNumbers({ installation: { db } }: Bench): Promise<number[]> {
  const rows = await db.delivery.findMany({
    where: { state: "failed" },
    select: { number: true },
    orderBy: { number: "asc" },
  });
  return rows.map(({ number }) => Number(number));
}

async function retry({ installation: { apiUrl, key } }: Bench, numbers: readonly number[]): Promise<void> {
  const response = await fetch(`${apiUrl}/v0/webhooks/events/retry`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ webhook_event_ids: numbers }),
  });
  if (!response.ok) throw new Error(`a retry was answered with ${response.status}: ${await response.text()}`);
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "../case.js";
import { atMost } from "../goal.js";
import { type Bench, measure } from "../measure.js";
import { usageOf } from "../usage.js";

const SETTLE_MS = 4_000;
const WATCH_MS = { quick: 8_000, long: 60_000 };

/** What one API and one worker cost while nothing happens. */
export const IDLE_CASE: Case = {
  name: "idle",
  title: "nothing to do",
  run: ({ backend, signal, isQuick }) =>
    measure({ backend, signal, isIsolating: true, workers: 1 }, async (bench) => {
      const { pids } = bench.installation;
      const watchMs = isQuick ? WATCH_MS.quick : WATCH_MS.long;
      await sleep(SETTLE_MS);
      const [usage, transactions] = [await usageOf(pids), await countTransactions(bench)];
      await sleep(watchMs);
      const [usageAfter, transactionsAfter] = [await usageOf(pids), await countTransactions(bench)];
      const share = (kind: "api" | "worker"): number => ((usageAfter[kind] - usage[kind]) * 100) / watchMs;
      return {
        comparisons: [],
        goals: [
          atMost("statements/s, idle", ((transactionsAfter - transactions) * 1_000) / watchMs, { need: 5, reach: 2 }),
          atMost("API of a core, idle", share("api"), { need: 1, reach: 1, unit: "%" }),
          atMost("worker of a core, idle", share("worker"), { need: 1, reach: 1, unit: "%" }),
        ],
        figures: {},
      };
    }),
};

/** By all sessions in this database, each statement outside a transaction being one; this question comes on top. */
async function countTransactions({ installation: { db } }: Bench): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    SELECT (xact_commit + xact_rollback)::int AS count FROM pg_stat_database WHERE datname = current_database()`;
  if (row === undefined) throw new Error("the database counts no transactions");
  return row.count;
}

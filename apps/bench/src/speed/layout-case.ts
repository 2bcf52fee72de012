import { v7 as uuidv7 } from "uuid";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { type Bench, measure } from "../measure.js";
import { cpuTimeMs } from "../process-times.js";
import { LAYOUTS, type Layout } from "./layouts.js";

const DELIVERIES = { quick: 9_000, long: 30_000 };
const BATCH = 30;
const ROUNDS = 3;
const WEBHOOKS = 100;
/** Batches that wait for their claim, and for their record, as at full load. */
const BATCHES_BEFORE = { claim: 20, record: 3 };

/** What Postgres pays for a delivery that is made, claimed and recorded, in one table and with its mutable part in a table of its own. */
export const LAYOUT_CASE: Case = { name: "layout", title: "one table or two", isLong: true, run: runLayout };

function runLayout({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const deliveries = isQuick ? DELIVERIES.quick : DELIVERIES.long;
  return measure({ backend, signal, isIsolating: true, workers: 0 }, async (bench) => {
    const figures: Record<string, number> = {};
    for (const layout of LAYOUTS) await bench.installation.db.$executeRawUnsafe(layout.schema);
    for (let round = 0; round < ROUNDS; round++) {
      for (const layout of LAYOUTS) {
        const { cpuUs, bytes } = await measureLayout(bench, layout, deliveries);
        const name = `${layout.name}: CPU µs`;
        figures[name] = (figures[name] ?? 0) + cpuUs / ROUNDS;
        figures[`${layout.name}: B`] = bytes;
      }
    }
    return { comparisons: [], goals: [], figures };
  });
}

/** @returns for each delivery: Postgres' CPU, and what its rows and their index entries take */
async function measureLayout(
  { installation: { db, pids } }: Bench,
  layout: Layout,
  deliveries: number,
): Promise<{ cpuUs: number; bytes: number }> {
  await db.$executeRawUnsafe(`TRUNCATE ${layout.tables.join(", ")}`);
  const before = await cpuTimeMs(pids.postgres);
  const webhookIds = Array.from({ length: WEBHOOKS }, () => uuidv7());
  const made: string[][] = [];
  const claimed: string[][] = [];
  for (let count = 0; count < deliveries; count += BATCH) {
    const ids = Array.from({ length: BATCH }, () => uuidv7());
    const of = ids.map((_, index) => webhookIds[(count + index) % WEBHOOKS]);
    await db.$queryRawUnsafe(layout.insert, ids, of);
    made.push(ids);
    const toClaim = made.length > BATCHES_BEFORE.claim ? made.shift() : undefined;
    if (toClaim === undefined) continue;
    await db.$queryRawUnsafe(layout.claim, toClaim);
    claimed.push(toClaim);
    const toRecord = claimed.length > BATCHES_BEFORE.record ? claimed.shift() : undefined;
    if (toRecord !== undefined) await db.$queryRawUnsafe(layout.record, toRecord);
  }
  const cpuUs = (((await cpuTimeMs(pids.postgres)) - before) * 1_000) / deliveries;
  for (const table of layout.tables) await db.$executeRawUnsafe(`VACUUM (FULL) ${table}`);
  const sizes = layout.tables.map((table) => `pg_total_relation_size('${table}')`).join(" + ");
  const [row] = await db.$queryRawUnsafe<{ bytes: bigint }[]>(`SELECT (${sizes})::bigint AS bytes`);
  return { cpuUs, bytes: Number(row?.bytes) / deliveries };
}

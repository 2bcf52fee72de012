import { waitFor } from "@homing/local/wait-for";
import type { Bench } from "../measure.js";
import type { CountingSink } from "../counting-sink.js";

const RECORDED_MS_MAX = 30_000;

interface Counts {
  deliveries: number;
  unfinished: number;
}

/** Deliveries that the database has. */
export async function countRows({ installation: { db } }: Pick<Bench, "installation">): Promise<Counts> {
  const [row] = await db.$queryRaw<Counts[]>`
    SELECT count(*)::int AS deliveries,
           (count(*) FILTER (WHERE state IN ('pending', 'in_flight')))::int AS unfinished
    FROM deliveries`;
  if (row === undefined) throw new Error("the database counts nothing");
  return row;
}

/** Waits until all is recorded, then holds what the database has against what was received: anything lost or repeated is a finding. */
export async function account(
  bench: Bench,
  { sink, acknowledged, fanOut }: { sink: CountingSink; acknowledged: number; fanOut: number },
): Promise<void> {
  const { session } = bench;
  const isRecorded = async (): Promise<boolean> => (await countRows(bench)).unfinished === 0;
  await waitFor(isRecorded, { what: "the last records", timeoutMs: RECORDED_MS_MAX }).catch((error: unknown) => {
    session.findings.push(String(error));
  });
  const { deliveries } = await countRows(bench);
  const { requests, deliveries: received } = sink.counts();
  if (deliveries < acknowledged * fanOut) {
    session.findings.push(`${acknowledged * fanOut - deliveries} acknowledged deliveries are not in the database`);
  }
  if (received < deliveries) session.findings.push(`${deliveries - received} deliveries were not received`);
  if (requests > received) session.findings.push(`${requests - received} deliveries were received twice`);
}

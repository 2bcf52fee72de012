import { parseEventId } from "@homing/core/events/event-id";
import { uuidFloor } from "@homing/db/week";
import { waitFor } from "@homing/local/wait-for";
import type { Bench } from "../measure.js";
import type { CountingSink } from "../counting-sink.js";

const RECORDED_MS_MAX = 30_000;
const TOLD_MS_MAX = 3_000;
const IDS_AT_ONCE_MAX = 20_000;

interface Counts {
  deliveries: number;
  unfinished: number;
  /** Of the unfinished, those whose hints the queue was given; the others wait in Postgres (see core/shares). */
  queued: number;
}

/** Events of which a publish said that they are accepted. */
export interface Acknowledged {
  /** In either spelling. */
  eventIds: readonly string[];
  /** Deliveries of each. */
  fanOut: number;
}

/** Deliveries that the database has. */
export async function countRows({ installation: { db } }: Pick<Bench, "installation">): Promise<Counts> {
  const [row] = await db.$queryRaw<Counts[]>`
    SELECT count(*)::int AS deliveries,
           (count(*) FILTER (WHERE state IN ('pending', 'in_flight')))::int AS unfinished,
           (count(*) FILTER (WHERE state IN ('pending', 'in_flight') AND queued_at IS NOT NULL))::int AS queued
    FROM deliveries`;
  if (row === undefined) throw new Error("the database counts nothing");
  return row;
}

/** Deliveries made since then, in Unix milliseconds, by their ids: a look at millions of others would take seconds of what is measured. */
export async function countMadeSince(
  { installation: { db } }: Pick<Bench, "installation">,
  sinceMs: number,
): Promise<number> {
  const [row] = await db.$queryRaw<{ made: number }[]>`
    SELECT count(*)::int AS made FROM deliveries WHERE id >= ${uuidFloor(sinceMs)}::uuid`;
  if (row === undefined) throw new Error("the database counts nothing");
  return row.made;
}

/**
 * Waits until all is recorded, then looks for every acknowledged event in the database, and holds what that has against what was
 * received: anything lost or repeated is a finding.
 */
export async function account(bench: Bench, sink: CountingSink, acknowledged?: Acknowledged): Promise<void> {
  const { session } = bench;
  const isRecorded = async (): Promise<boolean> => (await countRows(bench)).unfinished === 0;
  await waitFor(isRecorded, { what: "the last records", timeoutMs: RECORDED_MS_MAX }).catch((error: unknown) => {
    session.findings.push(String(error));
  });
  const { deliveries } = await countRows(bench);
  // The sink tells what it has received a moment later.
  await waitFor(() => sink.counts().deliveries >= deliveries, {
    what: "the sink's last counts",
    timeoutMs: TOLD_MS_MAX,
  }).catch(() => undefined);
  const { deliveries: received } = sink.counts();
  if (received < deliveries) session.findings.push(`${deliveries - received} deliveries were not received`);
  if (acknowledged !== undefined) await findLost(bench, acknowledged);
  findRepeated(bench, sink);
}

/** An acknowledged event that is not in the database with all its deliveries is a finding. */
export async function findLost(bench: Bench, acknowledged: Acknowledged): Promise<void> {
  const lost = await countLost(bench, acknowledged);
  if (lost > 0)
    bench.session.findings.push(`${lost} acknowledged events are not in the database with their deliveries`);
}

/** So is a delivery that was received twice. */
export function findRepeated({ session }: Bench, sink: CountingSink): void {
  const { requests, deliveries } = sink.counts();
  if (requests > deliveries) session.findings.push(`${requests - deliveries} deliveries were received twice`);
}

/** Events without all their deliveries. */
async function countLost({ installation: { db } }: Bench, { eventIds, fanOut }: Acknowledged): Promise<number> {
  let lost = 0;
  for (let start = 0; start < eventIds.length; start += IDS_AT_ONCE_MAX) {
    const some = eventIds.slice(start, start + IDS_AT_ONCE_MAX);
    const ids = some.flatMap((id) => parseEventId(id) ?? []);
    const [row] = await db.$queryRaw<{ whole: number }[]>`
      SELECT count(*)::int AS whole FROM (
        SELECT FROM deliveries WHERE event_id = ANY (${ids}::uuid[]) GROUP BY event_id HAVING count(*) = ${fanOut}
      ) events`;
    lost += some.length - (row?.whole ?? 0);
  }
  return lost;
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "@homing/db/client";
import { waitFor } from "@homing/local/wait-for";
import { numbered, typeOf } from "../api-client.js";
import type { Arrival } from "../arrival.js";
import type { Case, CaseOptions, CaseResult } from "../case.js";
import { preciseNowMs } from "../clock.js";
import { atMost } from "../goal.js";
import { latencyOf } from "../latency.js";
import type { Stream } from "../load.js";
import { measure } from "../measure.js";

const HANGING = 1_000;
const HEALED = 10;
/** Of each worker: as many as it has unless told. */
const CONCURRENCY = 100;
/** Events for all of them, those that get well included. */
const HANGING_PER_SECOND = 20;
/** In which every worker comes to know them as hanging. */
const HARM_MS = 60_000;
/** After it the case is over, whoever is not back. */
const BACK_MS_MAX = 600_000;
const POLL_MS = 250;
const EMPTY_MS_MAX = 120_000;
const BACK_SECONDS = { need: 60, reach: 15 };

/** How long a few endpoints that are well again wait among many that still hang. */
export const HEALED_CASE: Case = { name: "h", title: "10 of 1,000 that hang get well", run: runHealed };

function runHealed({ backend, signal }: CaseOptions): Promise<CaseResult> {
  return measure(
    { backend, signal, isIsolating: true, concurrency: CONCURRENCY },
    async ({ installation: { sink, key, db }, session, api }) => {
      const hanging = numbered("hanging", HANGING);
      const healed = new Set(hanging.slice(-HEALED));
      await api.makeWebhooks(hanging, (name) => ({ url: sink.url("hangs", name) }));
      const stream: Stream = { name: "hanging", key, types: hanging.map(typeOf), perSecond: HANGING_PER_SECOND };

      const backAfterMs = async (): Promise<number[]> => {
        await sleep(HARM_MS, undefined, { signal });
        const healedAtMs = preciseNowMs();
        sink.heal([...healed]);
        // One event for each, so that none waits for its next one.
        const types = [...healed].map(typeOf);
        await session.run("healed", [{ name: "healed", key, types, perSecond: HEALED }], { durationMs: 1_000 });
        const back = (): number[] => firstSuccesses(sink.arrivals, healed).map((atMs) => atMs - healedAtMs);
        while (back().length < HEALED && preciseNowMs() - healedAtMs < BACK_MS_MAX) {
          await sleep(POLL_MS, undefined, { signal });
        }
        return back();
      };
      const orUntil = backAfterMs();
      const harm = await session.run("harm", [stream], { durationMs: HARM_MS + BACK_MS_MAX, orUntil });
      const back = latencyOf(await orUntil);
      // What stands in the lines flows, once all are well.
      sink.heal();
      await untilLinesAreEmpty(db);
      const lastMs = back.count < HEALED ? Number.NaN : back.maxMs;
      return {
        comparisons: [],
        goals: [atMost("the last of them is back", lastMs / 1_000, { ...BACK_SECONDS, unit: "s" })],
        figures: {
          "of 10 back": back.count,
          "p50 of those that are, s": back.p50Ms / 1_000,
          "requests left hanging": harm.arrivals(stream.name).filter(({ status }) => status === null).length,
          "machine busy %": harm.busy * 100,
        },
      };
    },
  );
}

async function untilLinesAreEmpty(db: Database): Promise<void> {
  await waitFor(async () => (await db.delivery.count({ where: { parkedAt: { not: null } } })) === 0, {
    what: "the lines to be empty",
    timeoutMs: EMPTY_MS_MAX,
  });
}

/** When each of these was first answered well. */
function firstSuccesses(arrivals: readonly Arrival[], webhooks: ReadonlySet<string>): number[] {
  const first = new Map<string, number>();
  for (const { webhook, status, receivedAtMs } of arrivals) {
    if (status === 200 && webhooks.has(webhook) && !first.has(webhook)) first.set(webhook, receivedAtMs);
  }
  return [...first.values()];
}

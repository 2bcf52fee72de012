import { SYSTEM } from "@homing/core/audit-log/actor";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { createApiClient, numbered, typeOf } from "../api-client.js";
import { type Case, compare, type CaseOptions, type CaseResult } from "../case.js";
import type { Stream } from "../load.js";
import { measure, WORKERS } from "../measure.js";
import { busyFigures } from "../session.js";

const WARM_UP_MS = 8_000;
const QUIET_ORGANIZATIONS = 20;
const TIMES_AS_LOUD = 50;
const RATIO_MAX = 2;
const QUIET_PER_SECOND = 0.5;
/** Of each worker: fewer than the loud one needs. */
const CONCURRENCY = 6;
const LOUD_WEBHOOKS = 20;
/** How long the loud one's endpoints take: slow enough that its events need more slots than the workers have, not slow enough to be a slow one. */
const LOUD_ANSWER_MS = 600;

/** One organization publishes 50 times as much as each of the others, and more than the workers can send. */
export const LOUD_CASE: Case = { name: "e", title: "one organization publishes 50×", run: runLoud };

function runLoud({ backend, signal, isQuick }: CaseOptions): Promise<CaseResult> {
  const baseMs = isQuick ? 10_000 : 30_000;
  const withMs = isQuick ? 15_000 : 30_000;
  return measure(
    { backend, signal, isIsolating: true, concurrency: CONCURRENCY },
    async ({ installation: { apiUrl, sink, key, db }, session, api }) => {
      const loud = numbered("loud", LOUD_WEBHOOKS);
      await api.makeWebhooks(loud, (name) => ({ url: sink.url(`slow/${LOUD_ANSWER_MS}`, name) }));
      const quiet: Stream[] = [];
      for (const name of numbered("quiet", QUIET_ORGANIZATIONS)) {
        const organization = await createOrganization({ db, actor: SYSTEM }, { name });
        const own = createApiClient({ url: apiUrl, key: organization.key });
        await own.makeWebhook(name, { url: sink.url("well", name) });
        quiet.push({ name, key: organization.key, types: [typeOf(name)], perSecond: QUIET_PER_SECOND });
      }
      const loudPerSecond = QUIET_PER_SECOND * TIMES_AS_LOUD;
      const streamLoud: Stream = { name: "loud", key, types: loud.map(typeOf), perSecond: loudPerSecond };
      const names = quiet.map(({ name }) => name);
      await session.run("warm-up", quiet, { durationMs: WARM_UP_MS });
      const base = await session.run("base", quiet, { durationMs: baseMs });
      const harmed = await session.run("with", [...quiet, streamLoud], { durationMs: withMs });
      await session.drain([base, harmed], [...names, streamLoud.name]);
      const latencies = { base: base.latency(...names), with: harmed.latency(...names) };
      return {
        comparisons: [compare("the other organizations", { ...latencies, target: { ratioMax: RATIO_MAX } })],
        goals: [],
        figures: {
          "events/s of the loud one": loudPerSecond,
          "events/s its slots can send": Math.round((WORKERS * CONCURRENCY * 1_000) / LOUD_ANSWER_MS),
          "p99 of the loud one, ms": harmed.latency("loud").p99Ms,
          ...busyFigures(base, harmed),
        },
      };
    },
  );
}

import type { PublishRequest } from "@homing/core/events/event";
import type { PublishOutcome } from "@homing/core/events/publish";

const ORGANIZATIONS_MAX = 10_000;

/** To how many webhooks the events of each organization went of late: what the next ones will cost. */
export interface FanOuts {
  of(organizationId: string): number;
  learn(requests: readonly PublishRequest[], outcomes: readonly PublishOutcome[]): void;
}

/** Keeps the largest of each organization's last flush, of the organizations that published last; 0 of others. */
export function createFanOuts(): FanOuts {
  const fanOuts = new Map<string, number>();
  return {
    of: (organizationId) => fanOuts.get(organizationId) ?? 0,
    learn(requests, outcomes) {
      for (const organizationId of new Set(requests.map((request) => request.organizationId))) {
        const own = outcomes.filter((_, place) => requests[place]?.organizationId === organizationId);
        const matched = own.flatMap((outcome) => (outcome.outcome === "published" ? outcome.events : []));
        if (matched.length === 0) continue;
        // A Map gives its keys in the order of their setting: the first is the one that was quiet for longest.
        fanOuts.delete(organizationId);
        fanOuts.set(
          organizationId,
          matched.reduce((most, { matchedWebhooks }) => Math.max(most, matchedWebhooks), 0),
        );
        const [quietest] = fanOuts.keys();
        if (fanOuts.size > ORGANIZATIONS_MAX && quietest !== undefined) fanOuts.delete(quietest);
      }
    },
  };
}

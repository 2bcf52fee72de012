import type { PublishedEvent, PublishRequest } from "@homing/core/events/event";
import type { PublishOutcome } from "@homing/core/events/publish";

const ORGANIZATIONS_MAX = 10_000;

/** To how many webhooks the events of each organization went of late: what the next ones will cost. */
export interface FanOuts {
  of(organizationId: string): number;
  learn(requests: readonly PublishRequest[], outcomes: readonly (PublishOutcome | null)[]): void;
}

/** Keeps the largest of each organization's last flush, of the organizations that published last; 0 of others. */
export function createFanOuts(): FanOuts {
  const fanOuts = new Map<string, number>();

  function keep(organizationId: string, fanOut: number): void {
    // A Map gives its keys in the order of their setting: the first is the one that was quiet for longest.
    fanOuts.delete(organizationId);
    fanOuts.set(organizationId, fanOut);
    const [quietest] = fanOuts.keys();
    if (fanOuts.size > ORGANIZATIONS_MAX && quietest !== undefined) fanOuts.delete(quietest);
  }

  return {
    of: (organizationId) => fanOuts.get(organizationId) ?? 0,
    learn(requests, outcomes) {
      const most = new Map<string, number>();
      for (const [place, { organizationId }] of requests.entries()) {
        for (const { matchedWebhooks } of publishedBy(outcomes[place])) {
          most.set(organizationId, Math.max(matchedWebhooks, most.get(organizationId) ?? 0));
        }
      }
      for (const [organizationId, fanOut] of most) keep(organizationId, fanOut);
    },
  };
}

function publishedBy(outcome: PublishOutcome | null | undefined): readonly PublishedEvent[] {
  return outcome?.outcome === "published" ? outcome.events : [];
}

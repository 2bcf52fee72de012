import type { PublishedEvent, PublishRequest } from "@homing/core/events/event";
import type { PublishOutcome } from "@homing/core/events/publish";
import { LRUCache } from "lru-cache";

const ORGANIZATIONS_MAX = 10_000;

/** To how many webhooks the events of each organization went of late: what the next ones will cost. */
export interface FanOuts {
  of(organizationId: string): number;
  learn(requests: readonly PublishRequest[], outcomes: readonly (PublishOutcome | null)[]): void;
}

/** Keeps the largest of each organization's last flush, of the organizations that published last; 0 of others. */
export function createFanOuts(): FanOuts {
  const fanOuts = new LRUCache<string, number>({ max: ORGANIZATIONS_MAX });
  return {
    of: (organizationId) => fanOuts.get(organizationId) ?? 0,
    learn(requests, outcomes) {
      const most = new Map<string, number>();
      for (const [place, { organizationId }] of requests.entries()) {
        for (const { matchedWebhooks } of publishedBy(outcomes[place])) {
          most.set(organizationId, Math.max(matchedWebhooks, most.get(organizationId) ?? 0));
        }
      }
      for (const [organizationId, fanOut] of most) fanOuts.set(organizationId, fanOut);
    },
  };
}

function publishedBy(outcome: PublishOutcome | null | undefined): readonly PublishedEvent[] {
  return outcome?.outcome === "published" ? outcome.events : [];
}

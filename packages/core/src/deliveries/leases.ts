import type { Context } from "../context.js";
import type { Claim } from "./claim.js";
import { renewLeases } from "./renew-leases.js";

/**
 * A third of a lease: one renewal may fail before it runs out. An attempt that is over sooner never costs one.
 */
export const LEASE_RENEWAL_MS = 3_000;

/** The leases of the attempts that are under way in this process. */
export interface Leases {
  /** Keeps a claim's lease while the work goes on. */
  hold<Result>(claim: Claim, work: () => Promise<Result>): Promise<Result>;
  /** Renews what was held for 3 s or longer; without such a lease nothing is asked of the database. */
  renew(): Promise<void>;
}

export function createLeases(context: Pick<Context, "db">): Leases {
  const heldSinceMs = new Map<Claim, number>();
  return {
    async hold(claim, work) {
      heldSinceMs.set(claim, performance.now());
      try {
        return await work();
      } finally {
        heldSinceMs.delete(claim);
      }
    },
    async renew() {
      const beforeMs = performance.now() - LEASE_RENEWAL_MS;
      const aging = [...heldSinceMs].filter(([, sinceMs]) => sinceMs <= beforeMs).map(([claim]) => claim);
      if (aging.length > 0) await renewLeases(context, aging);
    },
  };
}

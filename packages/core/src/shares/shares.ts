/** What an organization may hand over at once, in each process, before its hints give way to those of others: others wait for so many at most. */
const BURST_HINTS = 20;
const HINTS_PER_SECOND = 5;
/** What an organization took beyond its share halves in this time, so a burst is forgotten within minutes whatever its size. */
const DEBT_HALF_LIFE_MS = 10_000;
/** The debt of the second priority; each further one is for twice as much. */
const DEBT_STEP_HINTS = 50;
const PRIORITY_MAX = 10;
const ORGANIZATIONS_MAX = 10_000;

/** How much of the queue each organization had of late, in this process. */
export interface Shares {
  /**
   * Counts one hint of an organization's.
   * @returns its priority: 0 within the share, beyond it 1 to 10, one more each time that the debt doubles
   */
  take(organizationId: string): number;
  /** The priority that its next hint would have. */
  priorityOf(organizationId: string): number;
  /** Those that are beyond their share. */
  indebted(): string[];
}

interface Account {
  /** Hints that are left of the burst; below zero a debt. */
  left: number;
  countedAtMs: number;
}

/** Keeps a token bucket for each of the organizations seen last; one that is not known has its whole burst. */
export function createShares({ nowMs }: { nowMs: () => number }): Shares {
  const accounts = new Map<string, Account>();

  function settle(organizationId: string): Account {
    const account = accounts.get(organizationId) ?? { left: BURST_HINTS, countedAtMs: nowMs() };
    return refill(account, nowMs());
  }

  function keep(organizationId: string, account: Account): void {
    // A Map gives its keys in the order of their setting: the first is the one that was quiet for longest.
    accounts.delete(organizationId);
    accounts.set(organizationId, account);
    const [quietest] = accounts.keys();
    if (accounts.size > ORGANIZATIONS_MAX && quietest !== undefined) accounts.delete(quietest);
  }

  return {
    take(organizationId) {
      const account = settle(organizationId);
      keep(organizationId, { ...account, left: account.left - 1 });
      return priorityAt(account.left);
    },
    priorityOf: (organizationId) => priorityAt(settle(organizationId).left),
    indebted: () => [...accounts.keys()].filter((organizationId) => priorityAt(settle(organizationId).left) > 0),
  };
}

function refill({ left, countedAtMs }: Account, nowMs: number): Account {
  const elapsedMs = Math.max(0, nowMs - countedAtMs);
  const remaining = left < 0 ? left * 2 ** (-elapsedMs / DEBT_HALF_LIFE_MS) : left;
  return { left: Math.min(BURST_HINTS, remaining + (elapsedMs / 1_000) * HINTS_PER_SECOND), countedAtMs: nowMs };
}

function priorityAt(left: number): number {
  if (left >= 1) return 0;
  return Math.min(PRIORITY_MAX, 1 + Math.floor(Math.log2(1 + Math.max(0, -left) / DEBT_STEP_HINTS)));
}

/** The part of them that one organization may take while others send, too: the rest waits for nobody. */
const ORGANIZATION_PART = 7 / 8;
/** Another organization that had no request for so long is not there. */
const COMPANY_MS = 60_000;

/** How the requests in one worker process' slots are spread over the organizations, or those that stand aside. */
export interface OrganizationSeats {
  /** So many more it may have; any number while it is alone. */
  room(organizationId: string | null): number;
  take(organizationId: string | null): void;
  giveBack(organizationId: string | null): void;
}

interface Visit {
  organizationId: string;
  atMs: number;
}

/** @param options.slots requests that the process makes at once */
export function createOrganizationSeats({ slots, nowMs }: { slots: number; nowMs: () => number }): OrganizationSeats {
  const seatsMax = Math.max(1, Math.min(slots - 1, Math.floor(slots * ORGANIZATION_PART)));
  const taken = new Map<string, number>();
  // The last one, and the last one that was another.
  let latest: Visit | null = null;
  let other: Visit | null = null;

  function isAlone(organizationId: string): boolean {
    const company = latest?.organizationId === organizationId ? other : latest;
    return company === null || nowMs() - company.atMs > COMPANY_MS;
  }

  function change(organizationId: string, by: 1 | -1): void {
    const seats = (taken.get(organizationId) ?? 0) + by;
    if (seats > 0) taken.set(organizationId, seats);
    else taken.delete(organizationId);
  }

  return {
    room(organizationId) {
      if (organizationId === null || isAlone(organizationId)) return Number.MAX_SAFE_INTEGER;
      return Math.max(0, seatsMax - (taken.get(organizationId) ?? 0));
    },
    take(organizationId) {
      if (organizationId === null) return;
      change(organizationId, 1);
      if (latest !== null && latest.organizationId !== organizationId) other = latest;
      latest = { organizationId, atMs: nowMs() };
    },
    giveBack(organizationId) {
      if (organizationId !== null) change(organizationId, -1);
    },
  };
}

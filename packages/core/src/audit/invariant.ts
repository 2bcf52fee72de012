import type { Prisma } from "@homing/db/client";

/** Work that is late by less than this may still be under way. */
export const LATE_MS = 60_000;

/** One thing that holds at every moment, and how to find what breaks it. */
export interface Invariant {
  /** As `lease_overdue`. */
  name: string;
  /** What is wrong with a finding, in a few words. */
  meaning: string;
  /** A query of one column `id`: the deliveries, or events, that break it. */
  findings: Prisma.Sql;
}

import { Prisma } from "@homing/db/client";

/**
 * What the queue has no room for waits for the relay in the backlog: its `relay_at` lies a hundred years behind the moment at which it
 * joined, and a quarter of an hour more for each step by which its organization was beyond its share. So one index gives the relay first
 * what is due, then the backlog, those that were less beyond it before those that were more, unless they have waited so much longer;
 * whatever else sets `relay_at` takes a delivery out of it.
 */
const BACKLOG = Prisma.sql`interval '100 years'`;
const STEP = Prisma.sql`interval '15 minutes'`;
/** Between the last moment at which anything is really due and the backlog. */
export const BACKLOG_START = Prisma.sql`(now() + interval '50 years')`;

/** The `relay_at` of a delivery that joins the backlog now. @param place SQL of an integer from 1 */
export function backlogTime(place: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(now() + ${BACKLOG} + ${place} * ${STEP})`;
}

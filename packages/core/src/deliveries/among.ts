import { Prisma } from "@homing/db/client";

/**
 * Whether a delivery is one of these. The bounds say nothing more, but by them Postgres leaves out the partitions that it does not need
 * before it sets up the statement; by an array of any ids it cannot.
 */
export function isAmong(deliveryIds: readonly string[]): Prisma.Sql {
  return Prisma.sql`(deliveries.id = ANY (${[...deliveryIds]}::uuid[]) AND ${isBetween(deliveryIds)})`;
}

/** For what a plan for few rows looks up by its id anyway: the bounds alone. */
export function isBetween(deliveryIds: readonly string[]): Prisma.Sql {
  const [first = null, last = first] = boundsOf(deliveryIds);
  return Prisma.sql`(deliveries.id BETWEEN ${first}::uuid AND ${last}::uuid)`;
}

/** Of UUIDs in lower case, whose texts are in the order of their values. */
function boundsOf(ids: readonly string[]): string[] {
  const [one] = ids;
  if (one === undefined) return [];
  return ids.reduce(([first = one, last = one], id) => [id < first ? id : first, id > last ? id : last], [one, one]);
}

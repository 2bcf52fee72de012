import type { Context } from "../context.js";

/** The ids of an organization's deliveries by their numbers; a number that is unknown or another organization's is left out. */
export async function findDeliveriesByNumber(
  { db }: Pick<Context, "db">,
  { organizationId, numbers }: { organizationId: string; numbers: readonly number[] },
): Promise<Map<number, string>> {
  if (numbers.length === 0) return new Map();
  const rows = await db.$queryRaw<{ id: string; number: bigint }[]>`
    SELECT id, number FROM deliveries
    WHERE number = ANY (${[...numbers]}::bigint[]) AND organization_id = ${organizationId}::uuid`;
  return new Map(rows.map(({ id, number }) => [Number(number), id]));
}

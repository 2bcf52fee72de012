import type { Database } from "./client.js";

/**
 * Whether the database answers and has our tables; if not, why, in one line that names host and database but no credentials.
 */
export async function reachDatabase(db: Database, url: string): Promise<{ ok: true } | { ok: false; reason: string }> {
  const place = describePlace(url);
  try {
    const [row] = await db.$queryRaw<
      { is_migrated: boolean }[]
    >`SELECT to_regclass('deliveries') IS NOT NULL AS is_migrated`;
    if (row?.is_migrated === true) return { ok: true };
    return { ok: false, reason: `the database ${place} has no tables yet: run npm run db:migrate` };
  } catch {
    return { ok: false, reason: `the database ${place} cannot be reached` };
  }
}

function describePlace(url: string): string {
  if (!URL.canParse(url)) return "named by DATABASE_URL";
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

import type { Database } from "@homing/db/client";

const statements = new WeakMap<Database, string>();

/** A digest of every row of every table. */
export async function snapshot(db: Database): Promise<Record<string, string>> {
  const statement = statements.get(db) ?? (await describeDigests(db));
  statements.set(db, statement);
  const rows = await db.$queryRawUnsafe<{ name: string; digest: string }[]>(statement);
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

async function describeDigests(db: Database): Promise<string> {
  const tables = await db.$queryRaw<{ name: string }[]>`
    SELECT tablename::text AS name FROM pg_tables
    WHERE schemaname = current_schema() AND tablename !~ '_p[0-9]{8}$' AND tablename !~ '^_prisma'`;
  const digests = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') AS digest FROM "${name}" t`,
  );
  return digests.join(" UNION ALL ");
}

import type { Database } from "@homing/db/client";

/** A change of one row, by whomever. */
export interface Write {
  /** Of the row; null: it belongs to none. */
  organizationId: string | null;
  table: string;
}

export interface WriteLog {
  /** What was written since the last look, each organization and table once. */
  take(): Promise<Write[]>;
}

/** What connections by this name write is not noted: attempts may come long after the request that asked for them. */
export const WORKER_NAME = "robustness-worker";

// When a key was last used may be noted at every request.
const NOTE_WRITE = `
  CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    was jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END;
    becomes jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
    changed jsonb := coalesce(becomes, was);
    owner uuid := coalesce(changed->>'organization_id', CASE TG_ARGV[0] WHEN 'organizations' THEN changed->>'id' END)::uuid;
  BEGIN
    IF current_setting('application_name') = '${WORKER_NAME}' THEN
      RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_ARGV[0] = 'api_keys' AND was - 'last_used_at' = becomes - 'last_used_at' THEN
      RETURN NULL;
    END IF;
    IF owner IS NULL AND changed ? 'delivery_id' THEN
      SELECT organization_id INTO owner FROM deliveries WHERE id = (changed->>'delivery_id')::uuid;
    END IF;
    IF owner IS NULL AND changed ? 'webhook_id' THEN
      SELECT organization_id INTO owner FROM webhooks WHERE id = (changed->>'webhook_id')::uuid;
    END IF;
    INSERT INTO noted_writes (organization_id, name) VALUES (owner, TG_ARGV[0]);
    RETURN NULL;
  END $$`;

/** From now on every change of a row of any table is noted, with the organization whose row it is. */
export async function noteWrites(db: Database): Promise<WriteLog> {
  const tables = await db.$queryRaw<{ name: string }[]>`
    SELECT relname::text AS name FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^_prisma'`;
  await db.$executeRawUnsafe("CREATE UNLOGGED TABLE noted_writes (organization_id uuid, name text NOT NULL)");
  await db.$executeRawUnsafe(NOTE_WRITE);
  for (const { name } of tables) {
    await db.$executeRawUnsafe(
      `CREATE TRIGGER note_write AFTER INSERT OR UPDATE OR DELETE ON "${name}" FOR EACH ROW EXECUTE FUNCTION note_write('${name}')`,
    );
  }
  return {
    take: () => db.$queryRaw<Write[]>`
      WITH taken AS (DELETE FROM noted_writes RETURNING organization_id, name)
      SELECT DISTINCT organization_id::text AS "organizationId", name AS "table" FROM taken`,
  };
}

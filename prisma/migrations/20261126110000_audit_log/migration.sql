-- Who did what to which row, from where, and what it changed. Nothing has written the table so far.
ALTER TABLE "audit_log"
  DROP COLUMN "api_key_id",
  DROP COLUMN "detail",
  ALTER COLUMN "id" SET DEFAULT homing_uuid_v7(),
  ADD COLUMN "actor_type" TEXT NOT NULL,
  ADD COLUMN "actor_id" TEXT,
  ADD COLUMN "address" TEXT,
  ADD COLUMN "request_id" TEXT,
  ADD COLUMN "before" JSONB NOT NULL DEFAULT '{}',
  ADD COLUMN "after" JSONB NOT NULL DEFAULT '{}';

-- "Who touched this row?" is what it is asked most.
CREATE INDEX "audit_log_organization_id_target_id_id_idx" ON "audit_log"("organization_id", "target_id", "id");

-- Refused to everybody, also to the tables' owner: a belt for those who run Homing as the owner. It is not for who means harm and may drop it.
CREATE FUNCTION "homing_refuse_audit_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER "audit_log_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_log"
  FOR EACH STATEMENT EXECUTE FUNCTION homing_refuse_audit_change();

-- How old entries leave: by the owner alone, who alone may put the trigger aside. Writers wait while it runs.
CREATE FUNCTION "homing_trim_audit_log"(older_than timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  trimmed bigint;
BEGIN
  ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only;
  DELETE FROM audit_log WHERE created_at < older_than;
  GET DIAGNOSTICS trimmed = ROW_COUNT;
  ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only;
  RETURN trimmed;
END
$$;

-- The smallest UUIDv7 of a moment, as packages/db/src/week.ts has it.
CREATE FUNCTION "homing_uuid_floor"(moment timestamptz) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- What a week of a partitioned table is: refused for all else, because the two functions below run with the owner's rights.
CREATE FUNCTION "homing_partition_name"(parent text, starts_at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF parent NOT IN ('deliveries', 'events', 'attempts') OR (extract(epoch FROM starts_at) * 1000)::bigint % 604800000 <> 0 THEN
    RAISE EXCEPTION 'there is no week % of %', starts_at, parent USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN parent || to_char(starts_at AT TIME ZONE 'UTC', '"_p"YYYYMMDD');
END
$$;

-- Partitions belong to the owner; the application makes and drops them by these, which do nothing else.
CREATE FUNCTION "homing_make_partition"(parent text, starts_at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  EXECUTE format(
    'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', homing_partition_name(parent, starts_at), parent,
    homing_uuid_floor(starts_at), homing_uuid_floor(starts_at + interval '604800 seconds')
  );
END
$$;

-- Told by the partial indexes on what is unfinished, never by reading a week that is to go. An event's week waits for the deliveries of its
-- events, whenever these were made: somebody may have asked for an old one to be sent again.
CREATE FUNCTION "homing_is_week_unfinished"(parent text, starts_at timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  lower uuid := homing_uuid_floor(starts_at);
  upper uuid := homing_uuid_floor(starts_at + interval '604800 seconds');
BEGIN
  IF parent = 'events' THEN
    RETURN EXISTS (SELECT FROM deliveries WHERE relay_at IS NOT NULL AND event_id >= lower AND event_id < upper)
        OR EXISTS (SELECT FROM deliveries WHERE parked_at IS NOT NULL AND event_id >= lower AND event_id < upper)
        OR EXISTS (SELECT FROM deliveries WHERE state = 'held' AND event_id >= lower AND event_id < upper);
  END IF;
  RETURN EXISTS (SELECT FROM deliveries WHERE relay_at IS NOT NULL AND id >= lower AND id < upper)
      OR EXISTS (SELECT FROM deliveries WHERE parked_at IS NOT NULL AND id >= lower AND id < upper)
      OR EXISTS (SELECT FROM deliveries WHERE state = 'held' AND id >= lower AND id < upper);
END
$$;

-- Under a lock, so that no retry comes between the look and the drop. A week that is not over for a day stays, whoever asks: RETENTION_DAYS is 1
-- at least. VOLATILE, so that the look after the lock sees what was committed before it.
CREATE FUNCTION "homing_drop_partition"(parent text, starts_at timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  partition text := homing_partition_name(parent, starts_at);
BEGIN
  IF starts_at + interval '604800 seconds' > now() - interval '1 day' THEN
    RAISE EXCEPTION '% is not over for a day', partition USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
  IF homing_is_week_unfinished(parent, starts_at) THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS %I', partition);
  RETURN true;
END
$$;

-- What the application may do, for a role of any name: nothing but this is needed to run it. `npm run db:migrate` calls it again after every
-- migration, so that new tables are included. Payloads and attempts cannot be changed, an entry's id and time are Postgres' own.
CREATE FUNCTION "homing_grant_application"(application name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ours text := current_schema();
  target record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', ours, application);
  FOR target IN
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = ours::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relowner = current_user::regrole
      AND relname NOT IN ('_prisma_migrations', 'audit_log', 'events', 'deliveries', 'attempts')
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO %I', ours, target.name, application);
  END LOOP;
  FOR target IN
    SELECT relname AS name FROM pg_class WHERE relnamespace = ours::regnamespace AND relkind = 'S' AND relowner = current_user::regrole
  LOOP
    EXECUTE format('GRANT USAGE ON SEQUENCE %I.%I TO %I', ours, target.name, application);
  END LOOP;
  -- An event's row is a lock for its retries, and to lock a row is to have the right to update one of its columns.
  EXECUTE format('GRANT SELECT, INSERT, UPDATE (matched_webhooks) ON events TO %I', application);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE ON deliveries TO %I', application);
  EXECUTE format('GRANT SELECT, INSERT ON attempts TO %I', application);
  EXECUTE format('GRANT SELECT, INSERT (organization_id, actor_type, actor_id, address, request_id, action, target_type, target_id, before, after)
    ON audit_log TO %I', application);
  EXECUTE format('GRANT EXECUTE ON FUNCTION homing_make_partition(text, timestamptz), homing_drop_partition(text, timestamptz) TO %I', application);
END
$$;

-- Functions that run with the owner's rights look into our schema alone, and are nobody's to call who was not granted it.
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION homing_make_partition(text, timestamptz) SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION homing_drop_partition(text, timestamptz) SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION homing_make_partition(text, timestamptz), homing_drop_partition(text, timestamptz),
  homing_trim_audit_log(timestamptz), homing_grant_application(name) FROM PUBLIC;

-- The group that application logins join. Roles belong to the whole cluster: another database may have made it before, or be making it now; and where
-- roles may not be made at all an operator names one of theirs to homing_grant_application (docs/configuration.md).
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homing_app') THEN
    CREATE ROLE homing_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
    NULL;
END
$$;

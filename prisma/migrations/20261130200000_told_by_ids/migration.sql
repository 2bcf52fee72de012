-- When a UUIDv7 was made, to the millisecond.
CREATE FUNCTION "homing_uuid_time"("id" uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0)
$$;

-- An id tells when its row was made: by the clock, and no longer by its transaction's beginning, which so comes before it.
ALTER TABLE "deliveries"
  DROP COLUMN "created_at",
  ALTER COLUMN "updated_at" SET DEFAULT clock_timestamp(),
  -- Most never have any: null takes no room.
  ALTER COLUMN "faults" DROP NOT NULL,
  ALTER COLUMN "faults" DROP DEFAULT;

ALTER TABLE "attempts"
  DROP COLUMN "created_at",
  -- The 32 bytes of its only `v1` signature.
  ADD COLUMN "signature" BYTEA,
  -- Null: all that it went with is told by the rest of the row and by its delivery.
  ALTER COLUMN "request_headers" DROP NOT NULL;

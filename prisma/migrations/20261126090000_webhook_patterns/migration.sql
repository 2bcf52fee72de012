-- Who takes which pattern, to be found by pattern: a publish reads the webhooks it is for and no other of the organization's.
CREATE TABLE "webhook_patterns" (
    "organization_id" UUID NOT NULL,
    "pattern" TEXT NOT NULL,
    "webhook_id" UUID NOT NULL,

    CONSTRAINT "webhook_patterns_pkey" PRIMARY KEY ("organization_id", "pattern", "webhook_id")
);

ALTER TABLE "webhook_patterns" ADD CONSTRAINT "webhook_patterns_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "webhooks"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- An index that Postgres cannot keep by itself: event_types stay the truth, whoever writes them.
CREATE FUNCTION homing_index_patterns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM webhook_patterns
    WHERE organization_id = OLD.organization_id AND webhook_id = OLD.id
      AND pattern = ANY (CASE OLD.event_types WHEN '{}' THEN '{*}' ELSE OLD.event_types END);
  END IF;
  IF NEW.state <> 'archived' AND NOT NEW.is_ephemeral THEN
    INSERT INTO webhook_patterns (organization_id, pattern, webhook_id)
    SELECT NEW.organization_id, pattern, NEW.id
    FROM unnest(CASE NEW.event_types WHEN '{}' THEN '{*}' ELSE NEW.event_types END) AS t (pattern)
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER webhooks_patterns_of_new AFTER INSERT ON "webhooks"
FOR EACH ROW EXECUTE FUNCTION homing_index_patterns();

CREATE TRIGGER webhooks_patterns_of_changed AFTER UPDATE ON "webhooks"
FOR EACH ROW
WHEN (OLD.event_types IS DISTINCT FROM NEW.event_types OR OLD.is_ephemeral <> NEW.is_ephemeral OR (OLD.state = 'archived') <> (NEW.state = 'archived'))
EXECUTE FUNCTION homing_index_patterns();

INSERT INTO "webhook_patterns" ("organization_id", "pattern", "webhook_id")
SELECT DISTINCT organization_id, pattern, id
FROM "webhooks", unnest(CASE event_types WHEN '{}' THEN '{*}' ELSE event_types END) AS t (pattern)
WHERE state <> 'archived' AND NOT is_ephemeral;

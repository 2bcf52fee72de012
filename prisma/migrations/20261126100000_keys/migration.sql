-- When it last opened something, to about a minute.
ALTER TABLE "api_keys" ADD COLUMN "last_used_at" TIMESTAMPTZ(3);

-- An organization's keys are listed by pages.
DROP INDEX "api_keys_organization_id_idx";
CREATE INDEX "api_keys_organization_id_id_idx" ON "api_keys"("organization_id", "id");

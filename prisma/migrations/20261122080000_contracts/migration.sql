-- A monthly quota of deliveries for an organization, and what it used of it.
ALTER TABLE "organizations"
  ADD COLUMN "delivery_quota" INTEGER,
  ADD COLUMN "quota_month" DATE,
  ADD COLUMN "quota_used" INTEGER NOT NULL DEFAULT 0;

-- What a client of a foreign contract said of a webhook besides what Homing knows, kept as given.
ALTER TABLE "webhooks" ADD COLUMN "contract_fields" JSONB NOT NULL DEFAULT '{}';

-- Numbers grow with time, and so do rows: a BRIN index finds them for next to nothing at each insert.
CREATE INDEX "deliveries_number_idx" ON "deliveries" USING brin ("number");

-- A webhook of a moment, for a test of a bare URL: on no list, matched by no event.
ALTER TABLE "webhooks" ADD COLUMN "is_ephemeral" BOOLEAN NOT NULL DEFAULT false;
